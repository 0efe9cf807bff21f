import { conformance } from '@lethe/eraser-kit/conformance'
import { describe } from 'vitest'
import { contentSpecials } from './content-specials.spec.js'
import { countsSpecials } from './counts-specials.spec.js'
import { failuresSpecials } from './failures-specials.spec.js'
import { elasticsearch } from './index.js'
import { leaks } from './leaks.spec.js'
import { onSearchServers } from './on-search-servers.spec.js'
import { probeSpecials } from './probe-specials.spec.js'
import { restoreSpecials } from './restore-specials.spec.js'
import { rights } from './rights.spec.js'
import { openSearchBackdoor } from './search-backdoor.spec.js'
import { specials } from './specials.spec.js'
import { twinsSpecials } from './twins-specials.spec.js'
import { undatedSpecials } from './undated-specials.spec.js'

// One file, so that one server runs at a time.
await onSearchServers((server) => {
  conformance(elasticsearch, () => openSearchBackdoor(server()))
  describe('and what is special to it', () => {
    const all = [
      specials,
      contentSpecials,
      failuresSpecials,
      countsSpecials,
      probeSpecials,
      twinsSpecials,
      undatedSpecials,
      leaks,
    ]
    // Each in a group of its own, so that one's hooks do not run for all.
    for (const declare of [...all, restoreSpecials]) describe(declare.name, () => declare(server))
  })
})
await rights()
