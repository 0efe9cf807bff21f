import type { CheckedMap, CheckedSystem, MapFinding } from '@lethe/client'
import type { Problem } from '@lethe/data-map'
import { dim, green, red, table, yellow } from './render.js'

/** What a file's grammar refuses: one problem a line, as compilers write them. */
export function problemsText(file: string, problems: readonly Problem[]): string {
  const lines = problems.map(
    ({ line, path, message }) => `${file}:${line}: ${path === '' ? '' : `${path}: `}${message}`,
  )
  return [...lines, red(counted(problems.length, 'problem'))].join('\n')
}

/** A checked map, one block per system: errors first, then warnings, then the least rights of its roles. */
export function mapText(checked: CheckedMap, withGrants: boolean): string {
  const head = `data map version ${checked.version}${checked.inForce ? ' (in force)' : ''}  ${dim(checked.digest)}`
  const systems = Object.entries(checked.systems)
  const all = [...checked.findings, ...systems.flatMap(([, system]) => system.findings)]
  return [
    [head, ...checked.findings.map(findingText)].join('\n'),
    ...systems.map(([systemId, system]) => systemText(systemId, system, withGrants)),
    verdict(all),
  ].join('\n\n')
}

function systemText(systemId: string, system: CheckedSystem, withGrants: boolean): string {
  const { kind, status, storeVersion, findings, grants } = system
  const state = {
    checked: storeVersion === null ? kind : `${kind} ${storeVersion}`,
    unreachable: `${kind}, ${red('not checked')}`,
    not_applicable: `${kind}, holds nothing of a person`,
    by_hand: `${kind}, erased by a person; nobody else can look`,
  }[status]
  const sorted = [...findings].sort((left, right) => rank(left) - rank(right) || left.line - right.line)
  const fine = findings.length === 0 && status === 'checked' ? [`  ${green('ok')}`] : []
  return [
    `${systemId}  ${state}`,
    ...fine,
    ...sorted.map(findingText),
    ...(withGrants && grants
      ? [...grantsText('erase', grants.erase), ...grantsText('probe', grants.probe)]
      : []),
  ].join('\n')
}

function findingText({ level, code, where, message, path, line }: MapFinding): string {
  const word = level === 'error' ? red('error  ') : yellow('warning')
  return `  ${word} ${code}  ${where}\n          line ${line}, ${path}\n          ${message}`
}

function grantsText(role: string, statements: readonly string[]): string[] {
  if (statements.length === 0) return []
  return [`  least rights of the ${role} role:`, ...statements.map((statement) => `    ${statement}`)]
}

const rank = ({ level }: MapFinding): number => (level === 'error' ? 0 : 1)

function verdict(findings: readonly MapFinding[]): string {
  const errors = findings.filter(({ level }) => level === 'error').length
  const warnings = counted(findings.length - errors, 'warning')
  return errors === 0
    ? `${green('The map fits')}, ${warnings}.`
    : `${red(counted(errors, 'error'))}, ${warnings}.`
}

const counted = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`

interface Step {
  readonly stepId: string
  readonly stage: number
  readonly after: readonly string[]
}

/** The order in which an erasure would go. */
export function planText(version: number, steps: readonly Step[]): string {
  const rows = steps.map(({ stepId, stage, after }) => [
    `  ${stepId}`,
    `stage ${stage}`,
    after.length > 0 ? `after ${after.join(', ')}` : '',
  ])
  const asked =
    'No store was asked. Without --offline the live tables, constraints and rights are checked too.'
  return [`data map version ${version} reads well. Its steps:`, table(rows), asked].join('\n')
}
