/**
 * With the default of a machine with much memory (4 GiB) V8 lets garbage grow to several times what is in use before it
 * collects. What a service has in use is some 100 MiB; much more than that is a defect, and ends the process.
 */
const HEAP_MIB = 1_024

/** How Node runs a service's program, several of them in one process. */
export const nodeArgs = (program: string, more: readonly string[] = []): string[] => [
  '--enable-source-maps',
  `--max-old-space-size=${HEAP_MIB}`,
  ...more,
  program,
]

/**
 * Of the restore service, by its name: what it holds of each person found by digests is no part of this heap, and with more
 * room pages that are done pile up in it.
 */
export const heapArgs = (service: string): string[] =>
  service === 'restore' ? ['--max-old-space-size=512'] : []
