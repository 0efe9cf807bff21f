/** Does each part, whatever becomes of the others. @throws what went wrong first */
export async function clearAll(parts: readonly (() => Promise<unknown>)[]): Promise<void> {
  const wrong: unknown[] = []
  for (const part of parts)
    await part().catch((error: unknown) => {
      wrong.push(error)
    })
  if (wrong.length > 0) throw wrong[0]
}
