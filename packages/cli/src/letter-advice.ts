/** What to do about a dead letter, by the code that put it there. */
const advice: Readonly<Record<string, string>> = {
  undecodable:
    'The bytes are no whole message: cut off, or not written by Lethe. Find who writes to the topic; sending it again changes nothing.',
  schema_unknown:
    'The registry does not know the id of its schema, or this version not its message. Register the schema of whoever writes, or upgrade, then redrive.',
  registry_unavailable: 'The schema registry did not answer. See that it runs, then redrive.',
  grant_invalid:
    'It does not carry the key of a grant of its pass: forged, altered, or another system’s. Look at who can write to the topic; the eraser itself repeats what is true.',
  intake_payload_invalid:
    'What it holds names no sender, so nobody was answered. Find who writes to the topic; they must ask anew, with the client.',
  intake_undecryptable:
    'It was not encrypted to the key of this service. The sender must fetch the key (/v1/intake-key) and ask anew.',
  intake_key_mismatch:
    'Its key is not that of what it holds: altered on the way, or forged. The sender must ask anew.',
}

/** One line per code that stands in the list, for a person; a code without one is explained by the log. */
export function adviceOnLetters(codes: Iterable<string>): string[] {
  return [...new Set(codes)]
    .sort()
    .map(
      (code) =>
        `${code}: ${Object.hasOwn(advice, code) ? advice[code] : 'See the log of its group, remove the cause, then redrive.'}`,
    )
}
