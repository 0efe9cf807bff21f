import { type Earlier } from './stage.js'

/** Every page, with a text that is there when it is loaded. */
export const pages = (earlier: Earlier): readonly (readonly [path: string, text: string])[] => [
  ['/', 'Requests by status'],
  ['/lag', 'Partitions'],
  ['/at-risk', 'Requests at risk'],
  ['/requests', earlier.followed],
  [earlier.bulkJob, 'What came of each'],
  ['/bulk', 'refuse'],
  [`/requests/${earlier.followed}`, 'RequestCompleted'],
  ['/verification', 'clean'],
  ['/erasers', 'shop-pg'],
  ['/gates', 'shop-pg'],
  ['/restores', 'shop-pg'],
  ['/restores', 'weekly-kept'],
  ['/restores', earlier.drilled],
  ['/where', 'Where'],
  ['/data-map', 'activity_logs'],
  ['/dead-letters', 'undecodable'],
]
