import type { EpochOutlook, VaultEpoch, VaultPepper } from '@lethe/client'
import type { Command } from 'commander'
import { UsageError } from './exit.js'
import { instant, table } from './render.js'
import type { Ports } from './request-commands.js'

interface Given {
  json?: boolean
  dryRun?: boolean
  yes?: boolean
  giveUpUnreadable?: boolean
}

/** Sealing anew is work per request; the service answers when all of it is done. */
const LONG_MS = 600_000

const help = `
The life of a vault epoch: sealing goes on under it until it ends, what is still needed is sealed anew
under the next one, and on its date its key is destroyed. The service does all of it by itself; these
commands do it earlier. They need the credential of an administrator of all tenants. See docs/vault.md.`

/** `lethe vault …`: the keys that people's identifiers are sealed under. No command prints an identifier. */
export function addVaultCommands(program: Command, ports: Ports): void {
  const vault = program
    .command('vault')
    .description('the keys that identifiers are sealed under')
    .addHelpText('after', help)

  withJson(vault.command('status'))
    .description('every epoch: its dates, its key, what is sealed under it and what of that is needed')
    .action(async ({ json }: Given) => {
      const status = await ports.client().vault()
      ports.print(json ? JSON.stringify(status) : statusText(status.epochs))
    })

  withDryRun(vault.command('rotate'))
    .description('end the current epoch and seal under a new one from now on')
    .action(async ({ json, dryRun }: Given) => {
      const answer = await ports.client().rotateVault({ dryRun: dryRun ?? false })
      const text = dryRun
        ? 'Dry run: a new epoch would begin now.'
        : `sealing under ${answer.epoch} from now on`
      ports.print(json ? JSON.stringify(answer) : text)
    })

  withDryRun(vault.command('reseal <epoch>'))
    .description('seal what is still needed of an ended epoch under the current one')
    .action(async (epoch: string, { json, dryRun }: Given) => {
      const answer = await ports.client(LONG_MS).resealVault({ epoch, dryRun: dryRun ?? false })
      if (json) return ports.print(JSON.stringify(answer))
      const { resealed } = answer
      if (resealed === null) return ports.print(`Dry run. ${neededText(answer.outlook)}`)
      ports.print(
        `sealed anew: ${resealed.entries} entries and ${resealed.notes} notes of ${resealed.requests} requests`,
      )
      if (resealed.unreadable.length > 0)
        ports.print(`these do not open and stay where they are: ${resealed.unreadable.join(', ')}`)
    })

  withDryRun(vault.command('destroy <epoch>'))
    .description(
      'destroy the key of an epoch: what is sealed under it is unreadable for ever, in every backup too',
    )
    .option('--yes', 'you mean it; nothing brings the key back')
    .option('--give-up-unreadable', 'also when something needed does not open under its key any more')
    .action(async (epoch: string, given: Given) => {
      const dryRun = given.dryRun ?? false
      if (!dryRun && !given.yes) {
        throw new UsageError(`destroying a key can't be undone: look with --dry-run, then say --yes`)
      }
      const giveUpUnreadable = given.giveUpUnreadable ?? false
      const answer = await ports.client(LONG_MS).destroyEpoch({ epoch, dryRun, giveUpUnreadable })
      if (given.json) return ports.print(JSON.stringify(answer))
      if (dryRun) return ports.print(`Dry run. ${neededText(answer.outlook)}`)
      ports.print(`${epoch} is destroyed: ${answer.outlook.becomeUnreadable} entries can never be read again`)
      ports.print(`${answer.backupClear} requests are backup-clear by it`)
    })

  addPepperCommands(vault, ports)
}

function addPepperCommands(vault: Command, ports: Ports): void {
  const pepper = vault.command('pepper').description('the secrets that digests of identifiers are made with')

  withJson(pepper.command('status'))
    .description('every pepper, and how many requests are found by it')
    .action(async ({ json }: Given) => {
      const status = await ports.client().peppers()
      ports.print(json ? JSON.stringify(status) : peppersText(status.peppers))
    })

  withDryRun(pepper.command('rotate'))
    .description(
      'make a new pepper; older ones are looked up until nothing needs them, then they are retired',
    )
    .action(async ({ json, dryRun }: Given) => {
      const answer = await ports.client().rotatePepper({ dryRun: dryRun ?? false })
      const text = dryRun
        ? 'Dry run: a new pepper would be made.'
        : `${answer.version} is made; it becomes current in a minute, when every process has heard of it`
      ports.print(json ? JSON.stringify(answer) : text)
    })
}

const withJson = (command: Command): Command => command.option('--json', 'print JSON')
const withDryRun = (command: Command): Command =>
  withJson(command).option('--dry-run', 'say what would happen and change nothing')

function statusText(epochs: readonly VaultEpoch[]): string {
  const rows = epochs.map((epoch) => [
    epoch.epoch,
    stateOf(epoch),
    instant(epoch.startsAt),
    instant(epoch.endsAt),
    instant(epoch.destroyedAt ?? epoch.destroyAt),
    String(epoch.entries + epoch.notes),
    String(epoch.neededEntries + epoch.neededNotes),
  ])
  return table([['epoch', 'state', 'starts', 'ends', 'destroyed', 'sealed', 'needed'], ...rows])
}

function stateOf({ current, hasKey, closedAt, destroyedAt }: VaultEpoch): string {
  if (destroyedAt !== null) return 'destroyed'
  if (!hasKey) return 'KEY MISSING'
  if (current) return 'current'
  return closedAt === null ? 'ended' : 'closed'
}

const neededText = ({ epoch, entries, notes, ...needed }: EpochOutlook): string =>
  needed.neededRequests > 0
    ? `${needed.neededRequests} requests still need ${needed.neededEntries + needed.neededNotes} of the ${entries + notes} entries under ${epoch}.`
    : `Nothing of the ${entries + notes} entries under ${epoch} is needed.`

function peppersText(peppers: readonly VaultPepper[]): string {
  const rows = peppers.map((pepper) => [
    pepper.version,
    pepper.state,
    pepper.source === 'given' ? 'LETHE_PEPPERS' : 'key store',
    instant(pepper.addedAt),
    String(pepper.requests),
    String(pepper.idempotencyKeys),
  ])
  return table([['pepper', 'state', 'kept in', 'added', 'requests', 'keys'], ...rows])
}
