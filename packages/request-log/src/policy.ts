import { defaultPolicy, type Policy } from '@lethe/domain'

/**
 * The bounds both writers and the rebuild use unless they are given others. No epoch counts as destroyed,
 * so a completed request has no date of its own to wake at: whoever destroys the last key that ever sealed
 * it tells it to proceed. Which keys are gone thereby changes no read model that a rebuild must reproduce.
 */
export const writersPolicy: Policy = { ...defaultPolicy, destroyedEpochs: [] }
