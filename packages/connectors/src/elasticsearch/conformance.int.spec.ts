import { conformance } from '@lethe/eraser-kit/conformance'
import { elasticsearch } from './index.js'
import { onSearchServers } from './on-search-servers.spec.js'
import { openSearchBackdoor } from './search-backdoor.spec.js'

await onSearchServers((server) => {
  conformance(elasticsearch, () => openSearchBackdoor(server()))
})
