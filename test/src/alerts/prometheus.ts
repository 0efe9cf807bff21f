import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse, stringify } from 'yaml'
import { freePorts } from '../harness/free-ports.js'
import { until } from '../harness/wait.js'

/** The path of a Prometheus on this machine; null when there is none. `PROMETHEUS` names another. */
export function findPrometheus(env: NodeJS.ProcessEnv = process.env): string | null {
  if (env['PROMETHEUS']) return env['PROMETHEUS']
  const folders = (env['PATH'] ?? '').split(delimiter)
  return folders.map((folder) => join(folder, 'prometheus')).find(existsSync) ?? null
}

const infra = fileURLToPath(new URL('../../../infra/', import.meta.url))

/** The scrape example of `infra/`, for other targets and in a hurry. */
function configFor(targets: readonly string[]): string {
  const example = parse(readFileSync(join(infra, 'prometheus.yml'), 'utf8')) as {
    rule_files: string[]
    scrape_configs: object[]
  }
  const [job] = example.scrape_configs
  return stringify({
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: example.rule_files.map((file) => join(infra, file)),
    scrape_configs: [{ ...job, scrape_interval: '3s', scrape_timeout: '3s', static_configs: [{ targets }] }],
  })
}

export interface Sampled {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [number, string]
}

export interface Rule {
  readonly name: string
  /** `ok`, `unknown` before its first evaluation, or `err`. */
  readonly health: string
  readonly lastError?: string
}

/** A real Prometheus that reads these targets and the alert rules of `infra/`. */
export class Prometheus {
  private constructor(
    private readonly url: string,
    readonly stop: () => Promise<void>,
  ) {}

  /** @throws Error with its last words when it does not come up */
  static async start(program: string, targets: readonly string[]): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), 'lethe-prometheus-'))
    const file = join(folder, 'prometheus.yml')
    writeFileSync(file, configFor(targets))
    const [port] = await freePorts(1)
    const child = spawn(
      program,
      [
        `--config.file=${file}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('utf8')).slice(-4_000)
    })
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
    const url = `http://127.0.0.1:${port}`
    const prometheus = new Prometheus(url, async () => {
      child.kill('SIGTERM')
      await ended
      rmSync(folder, { recursive: true, force: true })
    })
    try {
      await until(
        'a Prometheus that is ready',
        async () => {
          if (child.exitCode !== null) throw new Error(`Prometheus ended: ${said}`)
          return (await fetch(`${url}/-/ready`).catch(() => null))?.ok ?? false
        },
        (ready) => ready,
      )
    } catch (error) {
      await prometheus.stop()
      throw error
    }
    return prometheus
  }

  /** @throws Error with what is wrong with the query */
  async query(expr: string): Promise<readonly Sampled[]> {
    const { result } = await this.ask<{ result: Sampled[] }>(`query?${new URLSearchParams({ query: expr })}`)
    return result
  }

  async rules(): Promise<readonly Rule[]> {
    const { groups } = await this.ask<{ groups: { rules: Rule[] }[] }>('rules')
    return groups.flatMap((group) => group.rules)
  }

  private async ask<T>(path: string): Promise<T> {
    const answer = await fetch(`${this.url}/api/v1/${path}`)
    const body = (await answer.json()) as { status: string; error?: string; data: T }
    if (body.status !== 'success') throw new Error(`${path}: ${body.error}`)
    return body.data
  }
}
