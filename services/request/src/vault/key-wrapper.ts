/**
 * Wraps the secrets of a key directory (envelope encryption). An adapter for a key management service is
 * one file that implements this; until then `LETHE_VAULT_MASTER_COMMAND` can call the service's own tool.
 */
export interface KeyWrapper {
  /** The name is authenticated: what was wrapped under one name opens under no other. */
  wrap(name: string, plain: Buffer): Buffer
  /** @throws Error when the bytes were not wrapped here under this name; the message holds none of them. */
  unwrap(name: string, wrapped: Buffer): Buffer
}
