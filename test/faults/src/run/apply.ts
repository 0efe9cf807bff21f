import { setTimeout as delay } from 'node:timers/promises'
import type { Fault } from '../plan/faults.js'
import type { World } from '../world/world.js'
import type { History } from './history.js'
import type { Poisoner } from './poison.js'

const RECOVERY_MS = 120_000

export interface Applied {
  /** When the fault itself ended, epoch milliseconds. */
  readonly overAt: number
  /** Whether what was hurt worked again within two minutes. */
  readonly recovered: boolean
}

/** Does one fault from its beginning until what it hurt works again. */
export async function apply(
  fault: Fault,
  world: World,
  tools: { poisoner: Poisoner; history: History; broker: BrokerWatch },
): Promise<Applied> {
  switch (fault.kind) {
    case 'kill': {
      const unit = world.unit(fault.target, fault.instance)
      await unit.kill()
      if (fault.target === 'kafka') tools.broker.down = true
      await delay(fault.downMs)
      const overAt = Date.now()
      if (fault.target === 'kafka') tools.broker.down = false
      void unit.start()
      return { overAt, recovered: await unit.untilHealthy(RECOVERY_MS) }
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
      return { overAt: Date.now(), recovered: await allHealthy(world) }
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
      const { name } = world.unit(fault.target, fault.instance)
      world.clocks?.move(name, fault.byMs)
      await delay(fault.ms)
      world.clocks?.move(name, 0)
      return { overAt: Date.now(), recovered: await allHealthy(world) }
    }
    case 'poison': {
      const { topic, form } = fault
      await within(async () => {
        const sent = await tools.poisoner.send(topic, form).catch(() => null)
        if (sent) tools.history.add({ type: 'poison', at: Date.now(), topic, form, ...sent })
        return sent !== null
      })
      return { overAt: Date.now(), recovered: await allHealthy(world) }
    }
    default:
      return fault satisfies never
  }
}

/** Whether the broker is known to be down: after its kill was seen, before its start was asked for. */
export interface BrokerWatch {
  down: boolean
}

const SERVICES = /^(request|aggregator|eraser-|probe-)/

/** Lethe's processes, those that nobody keeps down just now. */
const allHealthy = (world: World): Promise<boolean> =>
  within(async () => {
    const units = world.units.filter(({ target, wanted }) => wanted && SERVICES.test(target))
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
