import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { registerOutboxConnector, removeOutboxConnector, withClient } from '@lethe/infra'
import pg from 'pg'
import type { Chain } from '../harness/chain.js'
import { dumpTo } from '../harness/dumps.js'

const runFile = promisify(execFile)

/** Drops the connector's slot, which no database goes without. */
const DROP_SLOT = `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1`

/** The database of Lethe as an operator handles it, while all of Lethe goes on running. */
export class LetheDatabase {
  private readonly connectors: string[]

  constructor(private readonly chain: Chain) {
    this.connectors = [chain.environment('request').LETHE_CONNECTOR ?? '']
  }

  dump(file: string): Promise<void> {
    return dumpTo(file, this.chain, this.chain.letheUrl)
  }

  /** Puts the dump in the database's place: dropped, made anew, filled, and its outbox read again. */
  async restore(file: string): Promise<void> {
    const { letheUrl, context } = this.chain
    const name = new URL(letheUrl).pathname.slice(1)
    const server = new URL('/postgres', letheUrl).href
    await this.disconnect()
    await withClient(server, async (client) => {
      await client.query(`DROP DATABASE ${pg.escapeIdentifier(name)} WITH (FORCE)`)
    })
    const options = ['--create', '--exit-on-error', '--dbname', server]
    await runFile(join(context.tools.postgresBin, 'pg_restore'), [...options, file])
    const connector = `${this.connectors[0]}-${this.connectors.length}`
    this.connectors.push(connector)
    await registerOutboxConnector(context, undefined, connector)
  }

  /** Takes away the connector there is, and its slot. */
  async disconnect(): Promise<void> {
    const { letheUrl, context } = this.chain
    const connector = this.connectors.at(-1) ?? ''
    const slot = connector.replaceAll('-', '_')
    await removeOutboxConnector(context, connector)
    await withClient(new URL('/postgres', letheUrl).href, async (client) => {
      const active = () =>
        client.query('SELECT active_pid FROM pg_replication_slots WHERE slot_name = $1 AND active', [slot])
      for (let tries = 0; tries < 200 && (await active()).rowCount !== 0; tries++)
        await new Promise((resolve) => setTimeout(resolve, 50))
      await client.query(DROP_SLOT, [slot])
    })
  }
}
