/** Everything the demonstration prints goes through here. */
export const say = (text: string): void => void process.stdout.write(`${text}\n`)
export const heading = (text: string): void => say(`\n${text}`)
export const line = (text: string): void => say(`   ${text}`)
