import type { CommonSection, Envelope } from './grammar.js'
import { type Edges, findCycle } from './graph.js'
import type { Path, Source } from './source.js'
import type { IdentifierType, MapKind, Problem } from './types.js'

export type Sections = ReadonlyMap<string, CommonSection>

/** `after` and `derivedFrom` name systems of the map and never lead back to where they began. */
export function checkOrder(source: Source, sections: Sections): Problem[] {
  const problems: Problem[] = []
  for (const relation of ['after', 'derivedFrom'] as const) {
    const edges = new Map([...sections].map(([id, section]) => [id, section[relation] ?? []]))
    for (const [id, names] of edges) {
      for (const [index, name] of names.entries()) {
        if (sections.has(name)) continue
        const message = `there is no system "${name}" in this map: add it or correct the name`
        problems.push(source.problem(['systems', id, relation, index], message))
      }
    }
    const cycle = findCycle(edges as Edges)
    if (cycle) {
      const message = `${relation} leads back to itself: ${cycle.join(' → ')}. Remove one of these edges`
      problems.push(source.problem(['systems', cycle[0] ?? '', relation], message))
    }
  }
  return problems
}

export function checkIdentifiers(source: Source, { identifiers }: Envelope): Problem[] {
  return identifiers.alias.flatMap((type, index) => {
    const path = ['identifiers', 'alias', index]
    if (type === identifiers.canonical) {
      return [source.problem(path, `"${type}" is the canonical identifier already: remove it from alias`)]
    }
    if (identifiers.alias.indexOf(type) < index) {
      return [source.problem(path, `"${type}" is listed twice: remove one`)]
    }
    return []
  })
}

export function checkBackups(source: Source, id: string, section: CommonSection): Problem[] {
  const names = (section.backups ?? []).map((backup) => backup.name)
  return names.flatMap((name, index) =>
    names.indexOf(name) < index
      ? [source.problem(['systems', id, 'backups', index], `backup "${name}" is listed twice: rename one`)]
      : [],
  )
}

/** Identifier types in use are declared, in `resolves` as well as in the kind's own part. */
export function checkDeclared(
  source: Source,
  envelope: Envelope,
  id: string,
  section: CommonSection,
  kind: MapKind,
  body: unknown,
): Problem[] {
  const declared = declaredTypes(envelope)
  const problems: Problem[] = []
  for (const type of Object.keys(section.resolves ?? {})) {
    if (!declared.has(type))
      problems.push(source.problem(['systems', id, 'resolves', type], undeclared(type)))
  }
  const needed = kind.identifiers(body, envelope.identifiers.canonical)
  for (const type of new Set<IdentifierType>(needed)) {
    if (!declared.has(type) && !section.resolves?.[type]) {
      problems.push(source.problem(['systems', id], undeclared(type)))
    }
  }
  return problems
}

/**
 * `by:` names a column. A column called like an alias type would silently be compared with the canonical
 * identifier, so the map must say with which: `{ by: email, identifier: email }`.
 */
export function checkBy(source: Source, envelope: Envelope, base: Path, value: unknown): Problem[] {
  if (value === null || typeof value !== 'object') return []
  const { canonical, alias } = envelope.identifiers
  const problems: Problem[] = []
  const { by, identifier } = value as { by?: unknown; identifier?: unknown }
  if (!Array.isArray(value) && typeof by === 'string') {
    const named = ['email', 'phone', ...alias].find((type) => type === by)
    if (identifier === undefined && named !== undefined && named !== canonical) {
      const message = `column "${by}" would be compared with ${canonical}: add identifier: ${named} (or identifier: ${canonical} if that is what it holds)`
      problems.push(source.problem([...base, 'by'], message))
    }
    if (typeof identifier === 'string' && !declaredTypes(envelope).has(identifier)) {
      problems.push(source.problem([...base, 'identifier'], undeclared(identifier)))
    }
  }
  const children = Array.isArray(value) ? [...value.entries()] : Object.entries(value)
  return [
    ...problems,
    ...children.flatMap(([key, child]) => checkBy(source, envelope, [...base, key], child)),
  ]
}

function declaredTypes({ identifiers }: Envelope): Set<string> {
  return new Set<string>([identifiers.canonical, ...identifiers.alias])
}

function undeclared(type: string): string {
  return `identifier type "${type}" is not declared: add it to identifiers.alias or use a declared one`
}
