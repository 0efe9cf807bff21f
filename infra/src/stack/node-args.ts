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

/** Between memory and time, by measurement (docs/benchmarks). */
const RESTORE_HEAP = [
  '--max-old-space-size=512',
  // Of one size from the start: V8 lets it grow to 64 MiB, and marks the whole heap as soon as that much isn't free in it.
  '--min-semi-space-size=16',
  '--max-semi-space-size=16',
  // With so small a heap V8 lets it grow by two fifths: most of that is free for a moment only, and pages fill it.
  '--heap-growing-percent=80',
]

/**
 * Of the restore service, by its name: what it holds of each person found by digests is no part of this heap, and with more
 * room pages that are done pile up in it.
 */
export const heapArgs = (service: string): string[] => (service === 'restore' ? RESTORE_HEAP : [])

/** Of the same: with one arena for each thread glibc keeps what threads gave back where no other thread finds it. */
export const heapEnv = (service: string): Readonly<Record<string, string>> =>
  service === 'restore' ? { MALLOC_ARENA_MAX: '1' } : {}
