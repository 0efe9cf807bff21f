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

// One file, so that one server runs at a time.
await onSearchServers((server) => {
  conformance(elasticsearch, () => openSearchBackdoor(server()))
  describe('and what is special to it', () => {
    specials(server)
    contentSpecials(server)
    failuresSpecials(server)
    countsSpecials(server)
    probeSpecials(server)
    twinsSpecials(server)
    leaks(server)
    restoreSpecials(server)
  })
})
await rights()
