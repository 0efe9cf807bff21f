import { dirname, isAbsolute, join } from 'node:path'

/** Of a configuration file of the server: `name = value`, quoted or not, with the last one winning. */
const ASSIGNMENT = /^[ \t]*([A-Za-z_][\w.]*)[ \t]*(?:=[ \t]*|[ \t])(?:'((?:[^']|'')*)'|([^\s#']+))/

interface Assignment {
  readonly name: string
  readonly value: string
}

function assignmentOf(line: string): Assignment | null {
  const found = ASSIGNMENT.exec(line)
  if (found === null) return null
  const [, name = '', quoted, plain] = found
  return { name: name.toLowerCase(), value: quoted?.replaceAll("''", "'") ?? plain ?? '' }
}

/** Value of a setting in one file; null when it does not stand there. */
export function settingIn(text: string, name: string): string | null {
  const all = text.split(/\r?\n/).flatMap((line) => assignmentOf(line) ?? [])
  return all.filter((one) => one.name === name).at(-1)?.value ?? null
}

/**
 * Value of a setting in a file and everything it includes, in the server's order; null when it stands nowhere.
 *
 * @param read the text of a file, or null where there is none
 * @param list names in a folder
 */
export function settingFrom(
  file: string,
  name: string,
  read: (path: string) => string | null,
  list: (folder: string) => string[],
  depth = 0,
): string | null {
  // As deep as the server itself follows.
  const text = depth > 10 ? null : read(file)
  let value: string | null = null
  for (const line of text?.split(/\r?\n/) ?? []) {
    const one = assignmentOf(line)
    if (one === null) continue
    if (one.name === name) value = one.value
    const at = isAbsolute(one.value) ? one.value : join(dirname(file), one.value)
    const files =
      one.name === 'include' || one.name === 'include_if_exists'
        ? [at]
        : one.name === 'include_dir'
          ? list(at)
              .filter((entry) => entry.endsWith('.conf') && !entry.startsWith('.'))
              .sort()
              .map((entry) => join(at, entry))
          : []
    for (const included of files) value = settingFrom(included, name, read, list, depth + 1) ?? value
  }
  return value
}

/** The file with these settings and no other value of them; null takes a setting away. */
export function withSettings(text: string, settings: Readonly<Record<string, string | null>>): string {
  const kept = text.split('\n').filter((line) => {
    const name = assignmentOf(line)?.name
    return name === undefined || !Object.hasOwn(settings, name)
  })
  const added = Object.entries(settings).flatMap(([name, value]) =>
    value === null ? [] : [`${name} = '${value.replaceAll("'", "''")}'`],
  )
  const body = kept.join('\n')
  return `${body}${body === '' || body.endsWith('\n') ? '' : '\n'}${added.map((line) => `${line}\n`).join('')}`
}
