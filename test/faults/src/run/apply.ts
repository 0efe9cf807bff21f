import { setTimeout as delay } from 'node:timers/promises'
import { type Fault, isService, killsOf, type Target } from '../plan/faults.js'
import type { World } from '../world/world.js'
import type { History } from './history.js'
import type { Poisoner } from './poison.js'

const RECOVERY_MS = 120_000

export interface Applied {
  /** When the fault itself ended, epoch milliseconds. */
  readonly overAt: number
  /** Whether what was hurt worked again within two minutes. */
  readonly recovered: boolean
  /** Of what was killed: epoch milliseconds when each worked again. */
  readonly worked?: readonly { readonly target: Target; readonly at: number }[]
}

/** Does one fault from its beginning until what it hurt works again. */
export async function apply(
  fault: Fault,
  world: World,
  tools: { poisoner: Poisoner; history: History; broker: BrokerWatch; hurt: () => ReadonlySet<string> },
): Promise<Applied> {
  switch (fault.kind) {
    case 'kill':
    case 'pair': {
      const units = killsOf(fault).map(({ target, instance }) => world.unit(target, instance))
      const broker = units.some(({ target }) => target === 'kafka')
      await Promise.all(units.map((unit) => unit.kill()))
      if (broker) tools.broker.down = true
      await delay(fault.downMs)
      const overAt = Date.now()
      if (broker) tools.broker.down = false
      for (const unit of units) void unit.start()
      const worked: { target: Target; at: number }[] = []
      const healthy = await Promise.all(
        units.map(async (unit) => {
          const works = await unit.untilHealthy(RECOVERY_MS)
          if (works) worked.push({ target: unit.target, at: Date.now() })
          return works
        }),
      )
      return { overAt, recovered: healthy.every(Boolean), worked }
    }
    case 'stop': {
      const unit = world.unit(fault.target, fault.instance)
      unit.freeze()
      await delay(fault.ms)
      unit.thaw()
      const overAt = Date.now()
      return { overAt, recovered: await unit.untilHealthy(RECOVERY_MS) }
    }
    case 'rebalance': {
      const unit = world.unit(fault.target, fault.instance)
      await unit.end()
      const overAt = Date.now()
      void unit.start()
      return { overAt, recovered: await unit.untilHealthy(RECOVERY_MS) }
    }
    case 'link': {
      await world.proxies?.disturb(fault.link, fault.effect)
      await delay(fault.ms)
      await world.proxies?.mend(fault.link, fault.effect)
      return { overAt: Date.now(), recovered: await allHealthy(world, tools.hurt) }
    }
    case 'slot': {
      await world.dropSlot()
      return { overAt: Date.now(), recovered: await within(() => world.slotActive()) }
    }
    case 'disk': {
      world.disks?.fill(fault.disk)
      await delay(fault.ms)
      world.disks?.empty(fault.disk)
      return {
        overAt: Date.now(),
        recovered: await world.unit(fault.disk).untilHealthy(RECOVERY_MS),
      }
    }
    case 'clock': {
      const unit = world.unit(fault.target, fault.instance)
      world.clocks?.move(unit.name, fault.byMs)
      await delay(fault.ms)
      world.clocks?.move(unit.name, 0)
      return { overAt: Date.now(), recovered: await unit.untilHealthy(RECOVERY_MS) }
    }
    case 'poison': {
      const { topic, form } = fault
      await within(async () => {
        const sent = await tools.poisoner.send(topic, form).catch(() => null)
        if (sent) tools.history.add({ type: 'poison', at: Date.now(), topic, form, ...sent })
        return sent !== null
      })
      return { overAt: Date.now(), recovered: await allHealthy(world, tools.hurt) }
    }
    default:
      return fault satisfies never
  }
}

/** Whether the broker is known to be down: after its kill was seen, before its start was asked for. */
export interface BrokerWatch {
  down: boolean
}

/** Lethe's processes, those that no other fault hurts just now. */
const allHealthy = (world: World, hurt: () => ReadonlySet<string>): Promise<boolean> =>
  within(async () => {
    const others = hurt()
    const units = world.units.filter(
      ({ target, wanted }) => wanted && isService(target) && !others.has(target),
    )
    const healthy = await Promise.all(units.map((unit) => unit.healthy()))
    return healthy.every(Boolean)
  })

async function within(condition: () => Promise<boolean>): Promise<boolean> {
  const end = Date.now() + RECOVERY_MS
  while (!(await condition())) {
    if (Date.now() > end) return false
    await delay(150)
  }
  return true
}
