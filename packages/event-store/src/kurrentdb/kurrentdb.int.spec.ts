import { describe, it } from 'vitest'
import { eventStoreContract } from '../contract/index.js'
import { openKurrentEventStore } from './index.js'

const url = process.env['KURRENTDB_URL']

if (url) eventStoreContract('KurrentDB', async () => openKurrentEventStore(url))
else
  describe('the event store contract on KurrentDB', () => {
    it('is kept by a server', ({ skip }) => {
      skip('KURRENTDB_URL is not set: give the esdb:// address of a KurrentDB server to run it')
    })
  })
