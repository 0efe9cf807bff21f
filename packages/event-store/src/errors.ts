/** Another writer was first: a stream is not at the version the events were decided on. */
export class VersionConflict extends Error {
  readonly code = 'version_conflict'

  constructor(
    readonly streamIds: readonly string[],
    options?: ErrorOptions,
  ) {
    super(
      `another writer was first on ${streamIds.slice(0, 3).join(', ')}${streamIds.length > 3 ? ', …' : ''}`,
      options,
    )
    this.name = 'VersionConflict'
  }
}
