import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { switchedOff } from './acl-lines.js'

const USERS =
  'user default on nopass ~* &* +@all\nuser app on >secret ~* +@all\nuser replay on >r ~* &* +@all\n'
const lines = (text: string) => text.trimEnd().split('\n')
const why = (text: string, form: 'acl-file' | 'config' = 'acl-file', user = 'replay'): string => {
  try {
    switchedOff(text, user, form)
    return 'nothing'
  } catch (error) {
    return (error as Error).message
  }
}

describe('the users of a Redis that is shut before its start', () => {
  it('are off but for the replay user, and remembered by name', () => {
    const { text, shut } = switchedOff(`${USERS}user away off ~*\n`, 'replay', 'acl-file')
    expect(shut).toEqual(['app', 'default'])
    expect(lines(text)).toEqual([
      'user default on nopass ~* &* +@all off',
      'user app on >secret ~* +@all off',
      'user replay on >r ~* &* +@all',
      'user away off ~*',
      'user lethe-shut: off',
      'user lethe-shut:default off',
      'user lethe-shut:app off',
    ])
  })

  it('stay as they are when it is done again, and whoever was added meanwhile joins them', () => {
    const once = switchedOff(USERS, 'replay', 'acl-file')
    expect(switchedOff(once.text, 'replay', 'acl-file')).toEqual(once)
    const more = switchedOff(`${once.text}user late on nopass\n`, 'replay', 'acl-file')
    expect(more.shut).toEqual(['app', 'default', 'late'])
  })

  it('include the default one where no line speaks of it, with the password it has', () => {
    expect(lines(switchedOff('user replay on >r', 'replay', 'acl-file').text)[1]).toBe(
      'user default nopass ~* &* +@all off',
    )
    const { text } = switchedOff('port 1\nrequirepass "root"\nuser replay on >r\n', 'replay', 'config')
    expect(text).toContain(
      'user default #4813494d137e1631bba301d5acab6e7bb7aa74ce1185d456565ef51d737677b2 ~* &* +@all off',
    )
  })

  it('are read as the server reads them: the last word counts, in any case', () => {
    const text = 'user default off\nuser replay OFF ON >r\nuser app on OFF\nuser two off On\n'
    expect(switchedOff(text, 'replay', 'acl-file').shut).toEqual(['two'])
  })

  it('are left alone when that can’t be done, and the message quotes nothing of the file', () => {
    expect(why('user default on >hunter2\n')).toMatch(/replay user is missing/)
    expect(why('user replay off >hunter2\n')).toMatch(/replay user is missing or off.*line 1/)
    expect(why(`${USERS}user app on >hunter2\n`)).toMatch(/twice/)
    expect(why(`${USERS}save >hunter2\n`)).toMatch(/line 4/)
    expect(why(`${USERS}user "hunter2" on\n`)).toMatch(/plain name \(line 4/)
    expect(why(USERS, 'acl-file', 'default')).toMatch(/everybody is the user default/)
    expect(why('port 1\naclfile /etc/users.acl\nuser replay on', 'config')).toMatch(/--acl-file \(line 2/)
    expect(why('include more.conf\nuser replay on', 'config')).toMatch(/included here.*line 1/)
  })

  const name = fc.stringMatching(/^[a-z]{1,4}$/).filter((one) => !['on', 'off'].includes(one))
  const rule = fc.constantFrom('on', 'off', 'reset', '>on', '~off', '+@all', 'ON')
  const file = fc.uniqueArray(fc.tuple(name, fc.array(rule, { maxLength: 4 })), { selector: ([one]) => one })
  type Cut = (text: string) => string
  /** Nobody but the replay user is on, whoever was is remembered, and doing it twice changes nothing. */
  const holds = (cut: Cut) =>
    fc.check(
      fc.property(file, (users) => {
        const others = users.filter(([one]) => one !== 'replay')
        const text = [
          ...others.map(([one, rules]) => ['user', one, ...rules].join(' ')),
          'user replay on >r',
          '',
        ]
        const after = cut(text.join('\n'))
        const on = (line: string) =>
          line
            .toLowerCase()
            .split(' ')
            .slice(2)
            .findLast((word) => ['on', 'off', 'reset'].includes(word)) === 'on'
        const left = lines(after).filter(on)
        const before = text.filter(
          (line) => line.startsWith('user ') && on(line) && !line.startsWith('user replay '),
        )
        const remembered = before.every((line) =>
          after.includes(`user lethe-shut:${line.split(' ')[1]} off\n`),
        )
        return left.length === 1 && remembered && switchedOff(after, 'replay', 'acl-file').text === after
      }),
    ).failed === false

  it('are never left on, whatever the file says', () => {
    expect(holds((text) => switchedOff(text, 'replay', 'acl-file').text)).toBe(true)
  })

  it('are checked: one who takes the first word for the last, or forgets a name, is caught', () => {
    expect(
      holds((text) => text.replaceAll(/ on( |$)/gm, ' off$1').replace('user replay off', 'user replay on')),
    ).toBe(false)
    expect(
      holds((text) =>
        switchedOff(text, 'replay', 'acl-file').text.replaceAll(/user lethe-shut:\w+ off\n/g, ''),
      ),
    ).toBe(false)
  })
})
