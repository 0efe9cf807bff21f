/** A value a store holds, and whose row it is in. */
export interface HeldRecord {
  readonly value: string
  readonly tenantId: string | null
}

/** What `HeldIdentifiers` has in its bytes, as texts. */
export function* recordsOf(records: Uint8Array): Generator<HeldRecord> {
  const bytes = Buffer.from(records.buffer, records.byteOffset, records.byteLength)
  for (let at = 0; at < bytes.length; ) {
    const [value, tenant] = [bytes.readInt32BE(at), bytes.readInt32BE(at + 4 + bytes.readInt32BE(at))]
    const from = at + 4
    const behind = from + value + 4
    yield {
      value: bytes.toString('utf8', from, from + value),
      tenantId: tenant < 0 ? null : bytes.toString('utf8', behind, behind + tenant),
    }
    at = behind + Math.max(0, tenant)
  }
}

/** The other way. */
export function bytesOfRecords(records: readonly HeldRecord[]): Buffer {
  return Buffer.concat(records.flatMap(({ value, tenantId }) => [...field(value), ...field(tenantId)]))
}

function field(text: string | null): Buffer[] {
  const bytes = Buffer.from(text ?? '')
  const length = Buffer.alloc(4)
  length.writeInt32BE(text === null ? -1 : bytes.length)
  return [length, bytes]
}
