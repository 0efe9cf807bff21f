import { readFileSync } from 'node:fs'

/** @throws Error that names the file and why, never what is in it: the parser's own message would quote it. */
export function readJsonFile(path: string): unknown {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : 'unknown'
    throw new Error(`the file ${path} can't be read (${code})`)
  }
  try {
    return JSON.parse(text)
  } catch {
    throw new Error(`the file ${path} is not JSON`)
  }
}
