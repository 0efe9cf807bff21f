import type { Check } from '../check.js'
import { crashing } from './crashing.js'
import { erasing } from './erasing.js'
import { failing } from './failing.js'
import { hostile } from './hostile.js'
import { others } from './others.js'
import { probing } from './probing.js'
import { sifting } from './sifting.js'

/** The specification of a connector. */
export const checks: readonly Check[] = [
  ...erasing,
  ...others,
  ...hostile,
  ...failing,
  ...crashing,
  ...probing,
  ...sifting,
]
