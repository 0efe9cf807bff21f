/** The path of the Schemathesis program; fetches it if need be. Rejects with what this machine lacks, as a message for a person. */
export async function installSchemathesis(): Promise<string> {
  const location = new URL('../setup/schemathesis.mjs', import.meta.url).href
  const { schemathesis } = (await import(location)) as { schemathesis(): Promise<string> }
  return schemathesis()
}
