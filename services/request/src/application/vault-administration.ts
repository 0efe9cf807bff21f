import { type Caller, may } from '../domain/permissions.js'
import type { DestroyOptions, Destruction, Outlook } from '../vault/destruction.js'
import type { Epoch, Epochs } from '../vault/epochs.js'
import type { PepperLife, Peppers } from '../vault/peppers.js'
import type { PepperUse, Redigesting } from '../vault/redigesting.js'
import type { Resealed, Resealing } from '../vault/resealing.js'
import type { Shredded } from '../vault/shredded.js'
import { forbidden } from './access.js'

export interface EpochStatus extends Epoch, Outlook {
  /** New entries are sealed under it. */
  readonly current: boolean
  /** The key can be read. */
  readonly hasKey: boolean
}
export type PepperStatus = PepperLife & PepperUse

/** Administrators of the whole installation look at the vault's keys and move them on; they read no entry. */
export class VaultAdministration {
  constructor(
    private readonly epochs: Epochs,
    private readonly peppers: Peppers,
    private readonly resealing: Resealing,
    private readonly destruction: Destruction,
    private readonly redigesting: Redigesting,
    private readonly shredded: Shredded,
  ) {}

  /** Changes nothing. @throws ProblemError `forbidden`, as every method here */
  async status(caller: Caller): Promise<{ epochs: EpochStatus[] }> {
    assertAdministrator(caller)
    await this.epochs.refresh()
    const current = this.epochs.current().epoch
    const epochs: EpochStatus[] = []
    for (const epoch of this.epochs.all()) {
      const outlook = await this.destruction.outlook(epoch.epoch)
      const { destroyingAt } = epoch
      const hasKey = destroyingAt === null && this.epochs.hasKey(epoch.epoch)
      epochs.push({ ...epoch, ...outlook, current: epoch.epoch === current, hasKey })
    }
    return { epochs }
  }

  /** A new epoch from now on; the old one ends. */
  async rotate(caller: Caller, dryRun: boolean): Promise<{ dryRun: boolean; epoch: string | null }> {
    assertAdministrator(caller)
    return { dryRun, epoch: dryRun ? null : await this.epochs.rotate(true) }
  }

  /** @throws ProblemError `not_found`; `illegal_transition` for the current epoch */
  async reseal(
    caller: Caller,
    epoch: string,
    dryRun: boolean,
  ): Promise<{ dryRun: boolean; outlook: Outlook; resealed: Resealed | null }> {
    assertAdministrator(caller)
    const before = await this.destruction.outlook(epoch)
    if (dryRun) return { dryRun, outlook: before, resealed: null }
    const resealed = await this.resealing.reseal(epoch, caller.id)
    return { dryRun, outlook: await this.destruction.outlook(epoch), resealed }
  }

  /** @throws ProblemError `not_found`; `illegal_transition` while something needed is sealed under it */
  async destroy(
    caller: Caller,
    epoch: string,
    options: Omit<DestroyOptions, 'actor'> & { readonly dryRun: boolean },
  ): Promise<{ dryRun: boolean; outlook: Outlook; backupClear: number }> {
    assertAdministrator(caller)
    const { dryRun } = options
    if (dryRun) return { dryRun, outlook: await this.destruction.outlook(epoch), backupClear: 0 }
    const outlook = await this.destruction.destroy(epoch, { ...options, actor: caller.id })
    return { dryRun, outlook, backupClear: await this.shredded.confirm() }
  }

  async pepperStatus(caller: Caller): Promise<{ peppers: PepperStatus[] }> {
    assertAdministrator(caller)
    await this.peppers.refresh()
    const uses = new Map((await this.redigesting.use()).map((use) => [use.version, use]))
    const peppers = this.peppers
      .lives()
      .map((life) => ({ ...life, ...(uses.get(life.version) as PepperUse) }))
    return { peppers }
  }

  /** A new pepper; older ones are retired by the service itself once nothing needs them. */
  async rotatePepper(caller: Caller, dryRun: boolean): Promise<{ dryRun: boolean; version: string | null }> {
    assertAdministrator(caller)
    return { dryRun, version: dryRun ? null : await this.peppers.rotate() }
  }
}

/** Keys are of all tenants together: an administrator of one of them may not destroy them. */
function assertAdministrator(caller: Caller): void {
  if (!may(caller, 'administer_vault') || !caller.tenants.includes('*')) throw forbidden('administer_vault')
}
