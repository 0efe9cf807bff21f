import { z } from 'zod'

const address = z
  .string('give the address as https://user:password@host:port')
  .regex(/^https?:\/\//, 'give the address as https://user:password@host:port')
  .refine((text) => URL.canParse(text), 'give the address as https://user:password@host:port')

/** Where the cluster is, as a text or as `{ url }`. Own authorities: NODE_EXTRA_CA_CERTS. */
export const elasticsearchOptions = z.preprocess(
  (value) => (typeof value === 'string' ? { url: value } : value),
  z.strictObject({ url: address }),
)
export type ElasticsearchOptions = z.output<typeof elasticsearchOptions>
