import { AuthGuard, CallerParam, ProblemError, parsed, problem } from '@lethe/service-host'
import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, Res, UseGuards } from '@nestjs/common'
import { AcceptQueue, retryAfterSeconds } from '../../application/accept-queue.js'
import { RequestCommands, type Wanted } from '../../application/commands.js'
import { alreadyGone, type Gone } from '../../application/gone.js'
import { newRequest } from '../../application/new-request.js'
import { type Page, Queries, type Summary } from '../../application/queries.js'
import { type Representation, representation } from '../../application/representation.js'
import { type Attested, type Evidence, type TakenTask, Tasks } from '../../application/tasks.js'
import type { Caller } from '../../domain/permissions.js'
import { commandBodies, createBody, idempotencyKey, listQuery } from './bodies.js'

interface Reply {
  status(code: number): Reply
  header(name: string, value: string): Reply
}

interface HoldAnswer extends Gone {
  readonly holdId: string
  readonly effectiveAt: number
}

const requestIdOf = (text: string): string => {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)) return text
  throw problem('not_found', 'There is no such request among those of your tenants. Check the id.')
}

/** `/v1/erasure-requests`: ask for an erasure, follow it, command it. */
@Controller('v1/erasure-requests')
@UseGuards(AuthGuard)
export class ErasureRequestsController {
  constructor(
    private readonly queue: AcceptQueue,
    private readonly commands: RequestCommands,
    private readonly queries: Queries,
    private readonly tasks: Tasks,
  ) {}

  /** 201 with the new request, 200 with the one that this caller's Idempotency-Key already led to. */
  @Post()
  async create(
    @CallerParam() caller: Caller,
    @Headers('idempotency-key') key: string | undefined,
    @Body() body: unknown,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Representation> {
    const origin = { channel: 'http', idempotencyKey: keyOf(key), intakeKey: null } as const
    const request = newRequest(caller, parsed(createBody, body), origin, Date.now())
    const accepted = await this.queue.accept(request).catch((error: unknown) => {
      const full = error instanceof ProblemError && error.code === 'queue_full'
      if (full) reply.header('retry-after', String(retryAfterSeconds))
      throw error
    })
    if (accepted.kind === 'created') {
      reply.status(201).header('location', `/v1/erasure-requests/${accepted.state.requestId}`)
      return representation(accepted.state)
    }
    reply.status(200)
    return this.queries.own(accepted.requestId)
  }

  @Get()
  list(@CallerParam() caller: Caller, @Query() query: unknown): Promise<Page<Summary>> {
    return this.queries.list(caller, parsed(listQuery, query, 'query'))
  }

  @Get(':id')
  one(@CallerParam() caller: Caller, @Param('id') id: string): Promise<Representation> {
    return this.queries.one(caller, requestIdOf(id))
  }

  @Get(':id/events')
  events(@CallerParam() caller: Caller, @Param('id') id: string) {
    return this.queries.timeline(caller, requestIdOf(id))
  }

  @Get(':id/verification')
  verification(@CallerParam() caller: Caller, @Param('id') id: string) {
    return this.queries.verification(caller, requestIdOf(id))
  }

  /** The request after it, with what the person has to know to do the task: the one answer that says whom it is about. */
  @Post(':id/take')
  @HttpCode(200)
  async take(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Body() body: unknown,
  ): Promise<Representation & { readonly task: TakenTask }> {
    const requestId = requestIdOf(id)
    const { systemId } = parsed(commandBodies.take, body)
    const { state, task } = await this.tasks.take(caller, requestId, systemId)
    return { ...representation(state), task }
  }

  @Post(':id/attest')
  @HttpCode(200)
  async attest(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Body() body: unknown,
  ): Promise<Representation> {
    const requestId = requestIdOf(id)
    const said: Attested = parsed(commandBodies.attest, body)
    return representation(await this.tasks.attest(caller, requestId, said))
  }

  @Post(':id/evidence')
  @HttpCode(200)
  evidence(@CallerParam() caller: Caller, @Param('id') id: string, @Body() body: unknown): Promise<Evidence> {
    const requestId = requestIdOf(id)
    return this.tasks.evidence(caller, requestId, parsed(commandBodies.evidence, body).systemId)
  }

  /** The request after the command; `hold` also says from when on nothing more is erased, and what already was. */
  @Post(':id/:verb')
  @HttpCode(200)
  async command(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Param('verb') verb: string,
    @Body() body: unknown,
  ): Promise<Representation & Partial<HoldAnswer>> {
    const requestId = requestIdOf(id)
    if (!Object.hasOwn(commandBodies, verb)) {
      throw problem(
        'not_found',
        `There is no such command. Use one of ${Object.keys(commandBodies).join(', ')}.`,
      )
    }
    const known = verb as keyof typeof commandBodies
    const wanted = { verb: known, ...parsed<object>(commandBodies[known], body) } as Wanted
    const { state, hold } = await this.commands.run(caller, requestId, wanted)
    return { ...representation(state), ...(hold === null ? {} : { ...hold, ...alreadyGone(state) }) }
  }
}

function keyOf(key: string | undefined): string {
  const result = idempotencyKey.safeParse(key)
  if (result.success) return result.data
  throw problem(
    'invalid_request',
    'Send an Idempotency-Key header of 1 to 200 printable characters, new for every request and the same on a retry.',
  )
}
