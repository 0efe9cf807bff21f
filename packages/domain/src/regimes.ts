/** A legal period: calendar months or days. */
export type Period = { readonly months: number } | { readonly days: number }

export interface Regime {
  /** What the law says, as short as it can be said, and where. */
  readonly source: string
  readonly respondWithin: Period
  /** Added to the due date, once, when the person is told with reasons before it; null where there is none. */
  readonly extension: Period | null
  /** ISO 8601 duration after which the law asks for the deletion again; null where it does not. */
  readonly recurEvery: string | null
}

/** The regimes of the legal clock, as data. A request names its regime by the key. */
export const regimes = {
  // "without undue delay and in any event within one month of receipt of the request. That period
  // may be extended by two further months where necessary ... The controller shall inform the data
  // subject of any such extension within one month of receipt of the request, together with the
  // reasons for the delay."
  gdpr: {
    source: 'Regulation (EU) 2016/679, Art. 12(3)',
    respondWithin: { months: 1 },
    extension: { months: 2 },
    recurEvery: null,
  },
  // The same periods in UK law; the ICO counts to the corresponding calendar date of the next month.
  uk_gdpr: {
    source: 'UK GDPR, Art. 12(3) and 12A',
    respondWithin: { months: 1 },
    extension: { months: 2 },
    recurEvery: null,
  },
  // "no later than 45 calendar days after receipt of the request. The 45-day period will begin on
  // the day that the business receives the request, regardless of time required to verify the
  // request ... up to an additional 45 calendar days ... for a maximum total of 90 calendar days".
  ccpa: {
    source: 'Cal. Civ. Code § 1798.130(a)(2)(A); 11 CCR § 7021(b)',
    respondWithin: { days: 45 },
    extension: { days: 45 },
    recurEvery: null,
  },
  // Data brokers fetch the deletion list at least once every 45 days, delete within 45 days of
  // receiving it, and delete again at least once every 45 days what they have obtained since.
  ca_delete_act: {
    source: 'Cal. Civ. Code § 1798.99.86(c), (d)',
    respondWithin: { days: 45 },
    extension: null,
    recurEvery: 'P45D',
  },
  // "within 45 days of receipt of the request ... may be extended once by 45 additional days when
  // reasonably necessary ... so long as the controller informs the consumer of any such extension
  // within the initial 45-day response period, together with the reason".
  virginia: {
    source: 'Va. Code § 59.1-577(B)(1)',
    respondWithin: { days: 45 },
    extension: { days: 45 },
    recurEvery: null,
  },
  colorado: {
    source: 'C.R.S. § 6-1-1306(2)',
    respondWithin: { days: 45 },
    extension: { days: 45 },
    recurEvery: null,
  },
  connecticut: {
    source: 'Conn. Gen. Stat. § 42-518(c)(1)',
    respondWithin: { days: 45 },
    extension: { days: 45 },
    recurEvery: null,
  },
  utah: {
    source: 'Utah Code § 13-61-203(2)',
    respondWithin: { days: 45 },
    extension: { days: 45 },
    recurEvery: null,
  },
  // "without undue delay, which may not be later than the 45th day after the date of receipt ...
  // may extend the response period once by an additional 45 days".
  texas: {
    source: 'Tex. Bus. & Com. Code § 541.052(b)',
    respondWithin: { days: 45 },
    extension: { days: 45 },
    recurEvery: null,
  },
  // "must reply in writing to the request promptly and not later than 30 days after the date of
  // receipt"; silence is a refusal, and the private-sector act knows no extension.
  quebec: {
    source: 'CQLR c. P-39.1, s. 32',
    respondWithin: { days: 30 },
    extension: null,
    recurEvery: null,
  },
} as const satisfies Record<string, Regime>

export type RegimeKey = keyof typeof regimes

export function isRegime(key: string): key is RegimeKey {
  return Object.hasOwn(regimes, key)
}
