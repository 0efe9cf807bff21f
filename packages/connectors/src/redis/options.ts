import { z } from 'zod'

const redisUrl = z
  .string('give the address as redis://user:password@host:port/db')
  .regex(/^rediss?:\/\//, 'give the address as redis://user:password@host:port/db')

/**
 * Where the server is: `redis://` or `rediss://` with user, password and logical database, as a text or as
 * `{ url }`. Any node of a cluster stands for the whole of it.
 */
export const redisOptions = z.preprocess(
  (value) => (typeof value === 'string' ? { url: value } : value),
  z.strictObject({ url: redisUrl }),
)
export type RedisOptions = z.output<typeof redisOptions>
