import { join } from 'node:path'
import type { Verdict } from '../checker/evidence.js'
import type { Service } from '../plan/faults.js'

/** Something broken on purpose, so that nothing inside Lethe can tell; the checker has to. */
export interface Mutant {
  readonly name: string
  readonly does: string
  /** What must be found broken, and what has to be said about it. */
  readonly invariant: number
  readonly says: RegExp
  /** Programs in the place of single processes; of two instances each may be another mutant. */
  readonly instead?: readonly Replacement[]
  /** Run in Lethe's own database before the first request. */
  readonly sql?: string
}

export interface Replacement {
  readonly target: Service
  readonly instance: number
  /** Its entry file. */
  readonly program: string
}

const instead = (target: Service, instance: number, name: string): Replacement => ({
  target,
  instance,
  program: join(import.meta.dirname, `${name}.js`),
})

/** One stream in `share`, always the same ones. */
const some = (column: string, share: number): string => `abs(hashtext(${column})) % ${share} = 0`

/** A trigger that does `body` to a row before it is written. */
const before = (name: string, table: string, operation: string, body: string): string =>
  `CREATE FUNCTION public.mutant_${name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body} RETURN NEW; END $$;
   CREATE TRIGGER mutant_${name} BEFORE ${operation} ON ${table} FOR EACH ROW EXECUTE FUNCTION public.mutant_${name}();`

export const mutants: readonly Mutant[] = [
  {
    name: 'unproven',
    does: 'completes people whose probe said nothing: a share of the clean reports is recorded as inconclusive',
    invariant: 1,
    says: /was not probed clean/,
    sql: before(
      'unproven',
      'events.events',
      'INSERT',
      `IF NEW.type = 'ProbeReported' AND ${some('NEW.stream_id', 9)} THEN NEW.data := jsonb_set(NEW.data::jsonb, '{result}', '"inconclusive"')::json; END IF;`,
    ),
  },
  {
    name: 'lying-search',
    does: 'acknowledges what it never erased, and its probe covers for it',
    invariant: 2,
    says: /search still has/,
    instead: [instead('eraser-search', 0, 'lying-search'), instead('probe-search', 0, 'lying-search')],
  },
  {
    name: 'abandoned',
    does: 'leaves a request waiting for somebody, and says nobody owns it',
    invariant: 3,
    says: /AWAITING_IDENTITY and nobody owns it/,
    sql: before(
      'abandoned',
      'read_model.requests',
      'INSERT OR UPDATE',
      "IF NEW.status IN ('CANCELLED', 'REFUSED') THEN NEW.status := 'AWAITING_IDENTITY'; NEW.attention := NULL; END IF;",
    ),
  },
  {
    name: 'keyless',
    does: 'forgets the idempotency keys it has accepted',
    invariant: 4,
    says: /became \d+ requests|requests are in the log for/,
    // Not before it is written: that Lethe would notice, and wait for an answer that never comes.
    sql: `CREATE FUNCTION public.mutant_keyless() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
        DELETE FROM events.idempotency WHERE tenant_id = NEW.tenant_id AND digest = NEW.digest; RETURN NULL; END $$;
      CREATE TRIGGER mutant_keyless AFTER INSERT ON events.idempotency FOR EACH ROW
        WHEN (${some('NEW.digest', 2)}) EXECUTE FUNCTION public.mutant_keyless();`,
  },
  {
    name: 'misdated',
    does: 'shows another date of completion than the log has',
    invariant: 5,
    says: /completedAt is shown as/,
    sql: before(
      'misdated',
      'read_model.requests',
      'INSERT OR UPDATE',
      `IF NEW.completed_at IS NOT NULL AND ${some('NEW.request_id', 9)} THEN NEW.completed_at := NEW.completed_at + 1; END IF;`,
    ),
  },
  {
    name: 'stuttering',
    does: 'writes an acknowledgement into the log that is there already',
    invariant: 6,
    says: / twice$/,
    sql: before(
      'stuttering',
      'events.events',
      'INSERT',
      `IF NEW.type = 'PassAcknowledged' AND ${some('NEW.stream_id', 5)} THEN NEW.data := jsonb_set(NEW.data::jsonb, '{ackId}', '"the-same"')::json; END IF;`,
    ),
  },
  {
    name: 'gappy',
    does: 'loses an event out of the middle of a stream',
    invariant: 7,
    says: /where \d+ belongs/,
    sql: before(
      'gappy',
      'events.events',
      'INSERT',
      `IF NEW.type = 'RequestLiveErased' AND ${some('NEW.stream_id', 7)} THEN RETURN NULL; END IF;`,
    ),
  },
  {
    name: 'forgetful-aggregator',
    does: 'skips the check for duplicates and remembers no message',
    invariant: 8,
    says: /below the offset and was not folded/,
    instead: [0, 1].map((instance) => instead('aggregator', instance, 'forgetful-aggregator')),
  },
  {
    name: 'lost-outbox-row',
    does: 'loses a share of the rows of the outbox',
    invariant: 8,
    says: /milestones, and \d+ messages/,
    sql: before(
      'lost_outbox_row',
      'outbox.message',
      'INSERT',
      `IF NEW.aggregatetype = 'erasure.status' AND ${some('NEW.ce_id::text', 15)} THEN RETURN NULL; END IF;`,
    ),
  },
  {
    name: 'silent-request',
    does: 'drops what it can not read without a dead letter',
    invariant: 9,
    says: /request\.(intake|outbox) did not put aside/,
    instead: [instead('request', 0, 'silent-request')],
  },
  {
    name: 'hasty-search',
    does: 'acknowledges before it erases',
    invariant: 10,
    says: /search says/,
    instead: [instead('eraser-search', 1, 'hasty-search')],
  },
  {
    name: 'greedy-cache',
    does: "takes a neighbour's keys too",
    invariant: 11,
    says: /not asked for changed/,
    instead: [instead('eraser-cache', 0, 'greedy-cache')],
  },
  {
    name: 'late-cache',
    does: 'uses a grant after it has expired',
    invariant: 12,
    says: /was held, and cache went from/,
    instead: [instead('eraser-cache', 1, 'late-cache')],
  },
  {
    name: 'no-tombstone',
    does: 'neither keeps nor publishes the tombstones of some people',
    invariant: 14,
    says: /tombstone of .* is not shown/,
    // One that is published and not kept is noticed by Lethe itself: it takes its database for an older copy.
    sql: [
      before(
        'no_tombstone_kept',
        'read_model.tombstones',
        'INSERT',
        `IF ${some('NEW.tombstone_id', 9)} THEN RETURN NULL; END IF;`,
      ),
      before(
        'no_tombstone_published',
        'outbox.message',
        'INSERT',
        `IF NEW.aggregatetype = 'erasure.tombstones' AND ${some('NEW.aggregateid', 9)} THEN RETURN NULL; END IF;`,
      ),
    ].join('\n'),
  },
  {
    name: 'talkative-shop',
    does: 'writes down in its log whom it erases',
    invariant: 17,
    says: /the log eraser-shop-pg.* addresses of customers/,
    instead: [instead('eraser-shop-pg', 0, 'talkative-shop')],
  },
  {
    name: 'swollen-probe',
    does: 'keeps memory it does not need',
    invariant: 19,
    says: /probe-cache .* had \d+ MB/,
    instead: [instead('probe-cache', 0, 'swollen-probe')],
  },
  {
    name: 'modest-cache',
    does: 'reports a lag of 0, whatever waits',
    invariant: 20,
    says: /eraser-cache-2: .* was reported as 0/,
    // The same program as the late one: it is sure to have something waiting.
    instead: [instead('eraser-cache', 1, 'late-cache')],
  },
]

export interface Finding {
  readonly mutant: Mutant
  /** What the checker said about it; null when it is blind. */
  readonly found: string | null
}

/** What the checker said about each of those that were planted. */
export function findings(planted: readonly Mutant[], verdicts: readonly Verdict[]): Finding[] {
  return planted.map((mutant) => {
    const verdict = verdicts.find(({ invariant }) => invariant === mutant.invariant)
    return { mutant, found: verdict?.violations.find((text) => mutant.says.test(text)) ?? null }
  })
}

/** A table in Markdown. */
export function renderFindings(all: readonly Finding[]): string {
  const rows = all.map(({ mutant: { name, does, invariant }, found }) => {
    const said = found ?? '**nothing: the checker is blind**'
    return `| ${name} | ${does} | ${invariant} | ${said} |`
  })
  return [
    '| planted | what it does | invariant | what the checker said |',
    '| --- | --- | --- | --- |',
    ...rows,
  ].join('\n')
}

/** @throws Error naming what there is, when one is asked for that there is not */
export function chosenMutants(text: string): readonly Mutant[] {
  if (text === 'all') return mutants
  return text.split(',').map((name) => {
    const mutant = mutants.find((one) => one.name === name)
    if (!mutant)
      throw new Error(`--mutants ${name}: there are: all, ${mutants.map((one) => one.name).join(', ')}`)
    return mutant
  })
}
