import type { CanaryPerson } from '../leak/canary.js'

export interface HostilePerson extends CanaryPerson {
  /** What is hostile about the id. */
  readonly because: string
  /** Whether the id may be given; who can't be named by id is named by e-mail. */
  readonly namable: boolean
}

const ids: readonly [because: string, userId: string, namable: boolean][] = [
  ['a glob', '*', false],
  ['a glob behind an id', 'u1*', false],
  ['a glob for one character', 'u?', false],
  ['a set in a glob', 'u[12]', false],
  ['an SQL wildcard', '%', false],
  ['an SQL wildcard behind an id', 'u1%', false],
  ['an SQL wildcard for one character', 'u_', true],
  ['the delimiter of cache keys', 'u1:x', false],
  ['a path upwards', '../u1', false],
  ['a single quote', "u1' OR '1'='1", false],
  ['a double quote', 'u1"', false],
  ['a backslash', 'u1\\', false],
  ['writing from right to left', 'u1\u202e0', false],
  ['a character of no width', 'u1\u200b', false],
  ['a space behind', 'u1 ', false],
  ['a line break', 'u1\n', false],
  ['a capital beside the small letter', 'U1', true],
  ['a look-alike letter', '\u03c51', true],
  ['full-width characters', '\uff55\uff11', true],
  ['a composed letter', 'jos\u00e9', true],
  ['the same letter decomposed', 'jose\u0301', true],
  ['a word of JSON', 'null', true],
  ['a word of JavaScript', '__proto__', true],
  ['a number beyond 2^53', '9007199254740993', true],
  ['its neighbour, which is the same as a double', '9007199254740992', true],
  ['zero', '0', true],
  ['zeros in front', '00', true],
  ['319 characters', 'x'.repeat(319), true],
  ['one character more', 'x'.repeat(320), true],
]

/** Customers of the shop whose real ids a careless program would read as something else. */
export const hostilePeople: readonly HostilePerson[] = ids.map(([because, userId, namable], at) => ({
  because,
  namable,
  tenantId: 'acme',
  userId,
  email: `hostile-${at}@example.com`,
  phone: `+4930555${String(at).padStart(4, '0')}`,
  stripe: `cus_hostile_${at}`,
}))

const address = (at: number, email: string): CanaryPerson => ({
  tenantId: 'acme',
  userId: `address-${at}`,
  email,
  phone: '',
  stripe: `cus_address_${at}`,
})

/** People with addresses that are nearly one another's. */
export const addresses = {
  underscore: address(1, 'a_b@example.com'),
  underscoreTwin: address(2, 'axb@example.com'),
  quote: address(3, "o'brien@example.com"),
  quoteTwin: address(4, "o''brien@example.com"),
  composed: address(5, 'zo\u00eb@example.com'),
  plain: address(6, 'zoe@example.com'),
  capital: address(7, 'Mixed.Case@Example.com'),
  lookAlike: address(8, 'z\u043ee@example.com'),
  tagged: address(9, 'zoe+tag@example.com'),
} as const

/** What a careless or hostile caller writes into a field: nobody's id, or everybody's. */
export const hostileValues: readonly string[] = [
  '',
  ' ',
  '*',
  'u*',
  'u1*',
  '?',
  'u?',
  '%',
  'u1%',
  'u1:x',
  'u1:*',
  '../u1',
  '..%2fu1',
  "u1' OR '1'='1",
  "'; DROP TABLE users; --",
  'u1"',
  'u1\\',
  'u1\0',
  '\0',
  'u1\u202e0',
  'u1\u200b',
  '\ud800',
  'u1\r\nx-injected: 1',
  '{"$ne":null}',
  'tenant:acme:user:u1',
  'u1,u10',
  'x'.repeat(10_240),
]
