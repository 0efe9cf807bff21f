import type { DeadLetter, DeadLetterLook } from '../../../src/adapters/http/answer-types.js'
import { useAnswer } from '../live/hooks.js'
import { Dialog } from '../parts/dialog.js'
import { Answered } from '../parts/page.js'

const unread = new Map<string, string>(
  Object.entries({
    no_copy:
      'What it holds is not shown: it could not be decoded, or is known to be forged. Nobody knows what stands in it.',
    undecodable: 'What it holds can not be decoded any more.',
    registry_not_configured: 'The service has no address of the schema registry, so it can not be decoded.',
    registry_unavailable: 'The schema registry does not answer, so it can not be decoded now.',
  }),
)

/** One message: where it came from, its headers, and what it holds where that is known to be harmless. */
export function LookAtLetter({ letter, onClose }: { letter: DeadLetter; onClose: () => void }) {
  const answer = useAnswer<DeadLetterLook>(
    `/v1/dead-letters/${encodeURIComponent(letter.group)}/${letter.id.split('/').map(encodeURIComponent).join('/')}`,
    [],
  )
  return (
    <Dialog title={`Dead letter ${letter.id}`} onClose={onClose}>
      {(close) => (
        <>
          <p>
            {letter.group} could not work on it: <strong>{letter.code}</strong>. It was tried{' '}
            {letter.attempts} times and redriven {letter.redrives} times.
          </p>
          <Answered answer={answer}>
            {({ headers, message, unread: why }) => (
              <>
                <h3>Headers</h3>
                <pre className="letter">
                  {Object.entries(headers)
                    .map(([name, value]) => `${name}: ${value}`)
                    .join('\n')}
                </pre>
                <h3>Message</h3>
                {message === null ? (
                  <p className="notice warn">{unread.get(why ?? '') ?? 'What it holds is not shown.'}</p>
                ) : (
                  <pre className="letter" data-message={message.type}>
                    {message.type} {JSON.stringify(message.value, null, 2)}
                  </pre>
                )}
              </>
            )}
          </Answered>
          <p className="buttons">
            <button type="button" onClick={close}>
              Close
            </button>
          </p>
        </>
      )}
    </Dialog>
  )
}
