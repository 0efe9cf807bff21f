// Derives TypeScript types and the schema table from the Avro files: `npm run generate`.
// `--check` writes nothing and fails when a file would change.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { asyncApi } from './asyncapi.ts'

type Avro = string | Avro[] | AvroNamed
interface AvroNamed {
  type: string
  name?: string
  doc?: string
  namespace?: string
  fields?: { name: string; type: Avro; doc?: string }[]
  symbols?: string[]
  items?: Avro
  values?: Avro
}

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const check = process.argv.includes('--check')

/** Newest version of every schema of a folder, by folder name. */
function newest(folder: string): { folder: string; version: number; schema: AvroNamed }[] {
  return readdirSync(join(root, folder))
    .sort()
    .map((name) => {
      const versions = readdirSync(join(root, folder, name))
        .map((file) => Number(/^v(\d+)\.avsc$/.exec(file)?.[1]))
        .filter((version) => version > 0)
      const version = Math.max(...versions)
      const schema = JSON.parse(readFileSync(join(root, folder, name, `v${version}.avsc`), 'utf8'))
      return { folder: name, version, schema }
    })
}

const primitives: Record<string, string> = {
  string: 'string',
  long: 'number',
  int: 'number',
  double: 'number',
  boolean: 'boolean',
  bytes: 'Buffer',
  null: 'null',
}

function typeScript(avro: Avro, named: Map<string, string>): string {
  if (Array.isArray(avro)) return avro.map((branch) => typeScript(branch, named)).join(' | ')
  if (typeof avro === 'string') return primitives[avro] ?? avro
  if (avro.type === 'array') return `readonly ${parenthesised(avro.items as Avro, named)}[]`
  if (avro.type === 'map') return `Readonly<Record<string, ${typeScript(avro.values as Avro, named)}>>`
  if (avro.type === 'enum' || avro.type === 'record') {
    declare(avro, named)
    return avro.name as string
  }
  return typeScript(avro.type, named)
}

function parenthesised(avro: Avro, named: Map<string, string>): string {
  const text = typeScript(avro, named)
  return text.includes('|') ? `(${text})` : text
}

function declare(avro: AvroNamed, named: Map<string, string>): void {
  const name = avro.name as string
  const doc = avro.doc ? `/** ${avro.doc} */\n` : ''
  const text =
    avro.type === 'enum'
      ? `${doc}export type ${name} = ${(avro.symbols ?? []).map((symbol) => `'${symbol}'`).join(' | ')}\n`
      : `${doc}export interface ${name} {\n${(avro.fields ?? [])
          .map(
            (field) =>
              `${field.doc ? `  /** ${field.doc} */\n` : ''}  readonly ${field.name}: ${typeScript(field.type, named)}\n`,
          )
          .join('')}}\n`
  const known = named.get(name)
  if (known !== undefined && known !== text) throw new Error(`two different types are called ${name}`)
  named.set(name, text)
}

const banner = '// Generated from the Avro schemas by `npm run generate`. Do not edit.\n'

function write(path: string, text: string): void {
  const full = join(root, path)
  if (check) {
    if (!existsSync(full) || readFileSync(full, 'utf8') !== text) {
      console.error(`${path} is not what the schemas say: run npm run generate`)
      process.exitCode = 1
    }
    return
  }
  mkdirSync(dirname(full), { recursive: true })
  writeFileSync(full, text)
}

function generate(folder: 'messages' | 'log', union: string): ReturnType<typeof newest> {
  const schemas = newest(folder)
  const named = new Map<string, string>()
  for (const { schema } of schemas) declare(schema, named)
  const cases = schemas.map(
    ({ schema }) => `  | { readonly type: '${schema.name}'; readonly data: ${schema.name} }`,
  )
  write(
    `src/generated/${folder}.gen.ts`,
    `${banner}${[...named.values()].join('\n')}\nexport type ${union} =\n${cases.join('\n')}\n`,
  )
  const table = schemas.map(
    ({ folder: name, version, schema }) =>
      `  ${schema.name}: { version: ${version}, file: '${folder}/${name}/v${version}.avsc', schema: ${JSON.stringify(schema)} },`,
  )
  write(
    `src/generated/${folder}-schemas.gen.ts`,
    `${banner}export const ${folder}Schemas = {\n${table.join('\n')}\n} as const\n`,
  )
  return schemas
}

const messages = generate('messages', 'Message')
generate('log', 'LogEvent')
write(
  'asyncapi.json',
  `${JSON.stringify(asyncApi(Object.fromEntries(messages.map(({ schema }) => [schema.name as string, schema]))), null, 2)}\n`,
)
