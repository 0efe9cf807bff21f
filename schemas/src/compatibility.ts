import avro from 'avsc'

/** One published version of a schema, as it stands in its `.avsc` file. */
export interface SchemaVersion {
  readonly subject: string
  readonly version: number
  readonly schema: unknown
}

/** Why two versions of a schema cannot live on one topic; `message` names the field. */
export interface Incompatibility {
  readonly subject: string
  readonly reader: number
  readonly writer: number
  readonly message: string
}

type Parsed = { fields?: { name: string; type: unknown; default?: unknown }[] }

/**
 * FULL_TRANSITIVE, as the registry enforces it: every version can read what every other version
 * wrote. Checked here as well so that a change fails before a registry is there to refuse it.
 */
export function incompatibilities(versions: readonly SchemaVersion[]): Incompatibility[] {
  const found: Incompatibility[] = []
  for (const reader of versions) {
    for (const writer of versions) {
      if (reader === writer || reader.subject !== writer.subject) continue
      const message = whyUnreadable(reader.schema, writer.schema)
      if (message)
        found.push({ subject: reader.subject, reader: reader.version, writer: writer.version, message })
    }
  }
  return found
}

function whyUnreadable(reader: unknown, writer: unknown): string | null {
  try {
    parse(reader).createResolver(parse(writer))
    return null
  } catch (error) {
    const field = fieldInQuestion(reader as Parsed, writer as Parsed)
    return `${field ? `field \`${field}\`: ` : ''}${(error as Error).message}`
  }
}

function parse(schema: unknown): avro.Type {
  return avro.Type.forSchema(structuredClone(schema) as avro.Schema)
}

/** The first field that stops the reader: added without a default, or of a type that does not resolve. */
function fieldInQuestion(reader: Parsed, writer: Parsed): string | null {
  for (const field of reader.fields ?? []) {
    const written = writer.fields?.find((other) => other.name === field.name)
    if (!written) {
      if (field.default === undefined) return field.name
      continue
    }
    if (!resolves(reader, field, writer, written)) return field.name
  }
  return null
}

/** Resolves one field alone: the other fields of both records are left out, named types stay known. */
function resolves(
  reader: Parsed,
  field: { name: string },
  writer: Parsed,
  written: { name: string },
): boolean {
  const only = (schema: Parsed, name: string) => {
    const upTo = (schema.fields ?? []).findIndex((candidate) => candidate.name === name)
    return {
      ...schema,
      fields: (schema.fields ?? [])
        .slice(0, upTo + 1)
        .map((f) => (f.name === name ? f : { ...f, default: undefined })),
    }
  }
  try {
    const slice = only(reader, field.name)
    parse({ ...slice, fields: slice.fields.slice(-1) }).createResolver(
      parse({ ...writer, fields: only(writer, written.name).fields.slice(-1) }),
    )
    return true
  } catch {
    // Either the field itself does not resolve, or it names a type declared by an earlier field;
    // both make it the field to name.
    return false
  }
}
