import { createHash, timingSafeEqual } from 'node:crypto'
import { PausedError, problem } from '@lethe/service-host'
import {
  Body,
  type CanActivate,
  Controller,
  type ExecutionContext,
  HttpCode,
  Inject,
  Injectable,
  Post,
  UseGuards,
} from '@nestjs/common'
import { z } from 'zod'
import type { Counts, Identifier } from './connector.js'
import { subjectShape } from './request-client.js'
import { Systems } from './systems.js'

export const PROBE_TOKEN = Symbol('probe token')

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Lets `request` in and nobody else; compares digests in constant time. */
@Injectable()
export class ProbeTokenGuard implements CanActivate {
  private readonly expected: Buffer
  constructor(@Inject(PROBE_TOKEN) token: string) {
    this.expected = digest(`Bearer ${token}`)
  }

  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<{ headers: { authorization?: string } }>()
    if (!timingSafeEqual(digest(headers.authorization ?? ''), this.expected)) throw problem('unauthenticated')
    return true
  }
}

const body = z.object({ subjects: z.array(subjectShape).min(1).max(1_000) })
type SubjectsBody = z.infer<typeof body>

/** What `request` may look up before a plan is frozen, with this deployment's read-only credentials. */
@Controller('v1')
@UseGuards(ProbeTokenGuard)
export class LookController {
  constructor(@Inject(Systems) private readonly systems: Systems) {}

  /** Counts per collection, one result per subject. Changes nothing. */
  @Post('preview')
  @HttpCode(200)
  async preview(@Body({ schema: body }) { subjects }: SubjectsBody): Promise<{ results: Counts[] }> {
    const session = await this.systems.currentSession()
    return { results: await session.preview(subjects) }
  }

  /** Per subject, one list of identifiers for each person found. */
  @Post('resolve')
  @HttpCode(200)
  async resolve(@Body({ schema: body }) { subjects }: SubjectsBody): Promise<{ results: Identifier[][][] }> {
    const session = await this.systems.currentSession()
    if (!session.resolve) throw problem('not_found', 'This system resolves no identifiers.')
    const results = await session.resolve(subjects)
    if (results.length !== subjects.length)
      throw new PausedError('resolve_incomplete', 'A subject got no answer.')
    return { results }
  }
}
