import { endpoints } from '@lethe/infra'
import { type RebuildReport, rebuild } from '@lethe/request-log'
import type { Command } from 'commander'
import { Pool } from 'pg'
import { letheDatabaseUrl } from './config.js'
import { exitCodes } from './exit.js'
import { green, red } from './render.js'
import type { Ports } from './request-commands.js'

/** `rebuild`: proves that the read models are what the log says, or makes them so. */
export function addRebuildCommand(program: Command, ports: Ports): void {
  program
    .command('rebuild')
    .description('project every read model again from the log and compare byte by byte')
    .option('--swap', 'put the rebuilt read models in place of the live ones where they differ')
    .option(
      '--database <url>',
      "Lethe's database, as its owner (default: LETHE_OWNER_URL, else the local stack's)",
    )
    .option('--json', 'print JSON')
    .action(async (options: { swap?: boolean; database?: string; json?: boolean }) => {
      const url = options.database ?? letheDatabaseUrl(endpoints().lethePostgresUrl)
      const pool = new Pool({ connectionString: url, max: 2, pipeline: true })
      try {
        const report = await rebuild(pool, {
          ...(options.swap ? { swap: true } : {}),
          onProgress: ({ streams, events }) => {
            if (!options.json && process.stderr.isTTY)
              process.stderr.write(`\r${streams} requests, ${events} events`)
          },
        })
        if (!options.json && process.stderr.isTTY) process.stderr.write('\r')
        ports.print(options.json ? JSON.stringify(report) : reportText(report))
        if (!report.equal && !report.swapped) ports.setExit(exitCodes.failed)
      } finally {
        await pool.end()
      }
    })
}

function reportText(report: RebuildReport): string {
  const size = `${report.streams} requests, ${report.events} events, ${report.snapshots} snapshots`
  if (report.equal) return `${green('equal')}: the read models are what the log says (${size})`
  const lines = [
    `${red('different')}: ${report.differing} rows are not what the log says (${size})`,
    ...report.differences.slice(0, 20).map(({ table, key }) => `  ${table} ${key}`),
    ...report.problems.slice(0, 20).map((problem) => `  ${JSON.stringify(problem)}`),
    report.swapped
      ? 'The rebuilt read models are in place now.'
      : 'Run it with --swap to put the rebuilt ones in place.',
  ]
  return lines.join('\n')
}
