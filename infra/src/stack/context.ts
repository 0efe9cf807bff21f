import { type Endpoints, endpoints } from '../endpoints.js'
import { readOrCreateSecrets, type Secrets } from './secrets.js'
import { StateDir } from './state.js'
import { type Toolchain, toolchain } from './toolchain.js'

/** What every part of the stack is built from. */
export interface StackContext {
  state: StateDir
  at: Endpoints
  secrets: Secrets
  tools: Toolchain
  /** The servers run in containers. */
  docker: boolean
}

/** Reads addresses, finds programs and makes missing secrets. Throws when something is not installed. */
export async function openContext(options: { docker?: boolean } = {}): Promise<StackContext> {
  const state = new StateDir()
  const docker = options.docker ?? state.stack()?.docker ?? false
  const tools = await toolchain(docker)
  return { state, at: endpoints(), secrets: readOrCreateSecrets(state), tools, docker }
}
