import type { Grants } from '@lethe/eraser-kit'
import type { Families } from './find.js'
import { LETHE_PREFIX } from './grammar.js'
import type { Template } from './template.js'

const LOOKING = ['info', 'select', 'scan']
const ERASING = ['exists', 'eval', 'time', 'unlink', 'hincrby', 'hset', 'hget', 'hmget', 'hgetall']

/**
 * The smallest ACL the two deployments work with, for users called `eraser` and `probe`; passwords are left
 * to whoever runs it. Key patterns are the templates with `*` for every placeholder; the probe finds
 * names by SCAN, which no pattern limits, and needs no pattern for those.
 */
export function rightsFor(families: Families, systemId: string, cluster: boolean): Grants {
  const ofSets = families.sets.flatMap(({ set, key }) => [set, key])
  const patterns = [...new Set([...families.templates, ...ofSets].map(patternOf))]
  const own = `${LETHE_PREFIX}${systemId}:*`
  // Previews ask for these by name; names found by SCAN are never read.
  const exact = [...new Set([...families.templates.filter(({ star }) => !star), ...ofSets].map(patternOf))]
  const nodes = cluster ? ['cluster|slots', 'cluster|shards'] : []
  const sets = ofSets.length > 0
  const rule = (user: string, keys: readonly string[], commands: readonly string[]) =>
    ['ACL SETUSER', user, ...keys, '-@all', ...commands.map((command) => `+${command}`)].join(' ')
  return {
    erase: [
      rule(
        'eraser',
        [...patterns, own].map((pattern) => `~${pattern}`),
        [...LOOKING, ...(sets ? ['sscan', 'srem'] : []), ...ERASING, ...(cluster ? ['hkeys'] : []), ...nodes],
      ),
    ],
    probe: [
      rule(
        'probe',
        exact.map((pattern) => `%R~${pattern}`),
        [
          ...LOOKING,
          ...(exact.length > 0 ? ['exists'] : []),
          ...(sets ? ['sscan', 'smembers'] : []),
          ...nodes,
        ],
      ),
    ],
  }
}

function patternOf({ tokens }: Template): string {
  return tokens
    .map((token) => (token.type === 'literal' ? token.text.replace(/[*?[\]\\]/g, '\\$&') : '*'))
    .join('')
    .replace(/\*{2,}/g, '*')
}
