import type { IdentifierType, MapContext, MapKind, OwnProblem } from '@lethe/data-map'
import { z } from 'zod'
import { collide, misreadable } from './collisions.js'
import { parseTemplate, placeholders, type Template } from './template.js'

/** Lethe's own keys; no template may reach them. */
export const LETHE_PREFIX = 'lethe:'

const IDENTIFIER = /^(user_id|email|phone|vendor:[a-z0-9][a-z0-9_-]*)$/

/** What is wrong with a template that finds a person's keys, or null. */
function selectorProblem(text: string): string | null {
  const parsed = parseTemplate(text)
  if (!parsed.ok) return parsed.message
  const names = placeholders(parsed.template)
  const unknown = names.find((name) => name !== 'tenant' && !IDENTIFIER.test(name))
  if (unknown)
    return `{${unknown}} is no placeholder: use {tenant}, {user_id}, {email}, {phone} or {vendor:<name>}`
  if (names.filter((name) => name !== 'tenant').length !== 1) {
    return 'a template names one person by exactly one identifier placeholder, e.g. {user_id}'
  }
  if (names.filter((name) => name === 'tenant').length > 1) return '{tenant} stands twice: keep one'
  if (text.startsWith(LETHE_PREFIX))
    return `keys that start with ${LETHE_PREFIX} are Lethe's own: name others`
  return null
}

function memberProblem(text: string): string | null {
  const parsed = parseTemplate(text)
  if (!parsed.ok) return parsed.message
  const names = placeholders(parsed.template)
  if (parsed.template.star) return 'members name whole keys: remove the *'
  if (names.filter((name) => name === 'member').length !== 1) return 'say where the member stands: {member}'
  if (names.some((name) => name !== 'member' && name !== 'tenant')) return 'use {member} and {tenant} only'
  return null
}

const checked = (problem: (text: string) => string | null) =>
  z.string('write a key template').superRefine((text, context) => {
    const message = problem(text)
    if (message !== null) context.addIssue({ code: 'custom', message })
  })

const keyTemplate = checked(selectorProblem)
const setTemplate = checked((text) =>
  text.includes('*') ? 'an index set is one exact key: remove the *' : selectorProblem(text),
)

const indexSet = z.strictObject({
  set: setTemplate,
  /** Which key a member stands for. */
  key: checked(memberProblem).default('{member}'),
})

export const redisSystem = z
  .strictObject({
    /** Put before every template and set, as the application's client does it. */
    prefix: z
      .string()
      .regex(/^[^*?[\]{}\\]*$/, 'a prefix is literal: write it without wildcards and braces')
      .refine(
        (text) => !text.startsWith(LETHE_PREFIX),
        `keys that start with ${LETHE_PREFIX} are Lethe's own`,
      )
      .default(''),
    keys: z.array(keyTemplate, 'list the key templates under keys:').default([]),
    /** Sets whose members name the keys of one person. */
    sets: z.array(indexSet, 'write a list, e.g. [{ set: "tenant:{tenant}:keys:{user_id}" }]').default([]),
    /**
     * Whether an identifier, of whomever, may hold a delimiter of these templates: then `user:u1:x:cart` is u1's as
     * well as u1:x's. False is compared with the live ids by `map check`. The map must say it where there is a `*`, or
     * where two templates can make one key; without it nothing is taken for granted.
     */
    idsHoldDelimiters: z.boolean('say true or false').optional(),
  })
  .refine(({ keys, sets }) => keys.length + sets.length > 0, {
    path: ['keys'],
    message: 'list at least one key template, or an index set under sets:',
  })
export type RedisSystem = z.output<typeof redisSystem>

/** All selector templates with where they stand in the section. */
function selectors(system: RedisSystem): { text: string; path: (string | number)[] }[] {
  return [
    ...system.keys.map((text, index) => ({ text, path: ['keys', index] })),
    ...system.sets.map(({ set }, index) => ({ text: set, path: ['sets', index, 'set'] })),
  ]
}

function identifiers(system: RedisSystem): readonly IdentifierType[] {
  const names = selectors(system).flatMap(({ text }) => {
    const parsed = parseTemplate(text)
    return parsed.ok ? placeholders(parsed.template).filter((name) => name !== 'tenant') : []
  })
  return [...new Set(names)].sort() as IdentifierType[]
}

/** The templates of keys and sets, in the order of `selectors`; those the grammar has refused stand as undefined. */
function templatesOf(system: RedisSystem): (Template | undefined)[] {
  return selectors(system).map(({ text }) => {
    const parsed = parseTemplate(text)
    return parsed.ok ? parsed.template : undefined
  })
}

/** With a `*`, or two templates of one beginning and end, whose a key is depends on what ids may hold. */
function unsaid(system: RedisSystem): OwnProblem[] {
  const templates = templatesOf(system)
  if (system.idsHoldDelimiters !== undefined || templates.includes(undefined)) return []
  const known = templates.filter((one) => one !== undefined)
  const at = misreadable(known)
  const found = known[at]
  if (!found) return []
  const other = known.findIndex((one) => one !== found && collide(one, found))
  const why = found.star
    ? "Then this * could cover the end of another person's longer id"
    : `Then one key can be one person's by this template and another's by ${known[other]?.text}`
  const message = `may an id hold "${found.delimiters}"? ${why}. Say idsHoldDelimiters: false beside keys: if none ever does (map check compares it with the live ids), else true`
  return [{ path: selectors(system)[at]?.path ?? ['keys'], message }]
}

function neverHeld(system: RedisSystem): Partial<Record<IdentifierType, string>> {
  if (system.idsHoldDelimiters !== false) return {}
  const held = new Map<string, Set<string>>()
  const known = templatesOf(system).filter((one) => one !== undefined)
  for (const one of known) {
    if (!one.star && !known.some((two) => two !== one && collide(one, two))) continue
    const [type] = placeholders(one).filter((name) => name !== 'tenant')
    if (type) held.set(type, new Set([...(held.get(type) ?? []), ...one.delimiters]))
  }
  return Object.fromEntries([...held].map(([type, characters]) => [type, [...characters].join('')]))
}

function check(system: RedisSystem, { tenant }: MapContext): readonly OwnProblem[] {
  const members = system.sets.map(({ key }, index) => ({ text: key, path: ['sets', index, 'key'] }))
  const all = [...selectors(system), ...members]
  const doubled = all.filter(({ text }, at) => all.findIndex((other) => other.text === text) < at)
  const problems = [
    ...unsaid(system),
    ...doubled
      .filter(({ path }) => path[2] !== 'key')
      .map(({ path }) => ({ path, message: 'this template is listed twice: remove one' })),
  ]
  if (!('none' in tenant)) return problems
  const placed = all.filter(({ text }) => text.includes('{tenant}'))
  return [
    ...problems,
    ...placed.map(({ path }) => ({
      path,
      message: 'this map has no tenants: remove {tenant} or give tenant:',
    })),
  ]
}

/** The kind as the data map needs it, without a Redis client. */
export const redisKind: MapKind<RedisSystem> = {
  kind: 'redis',
  stage: 'cache',
  system: redisSystem,
  identifiers,
  neverHeld,
  check,
}
