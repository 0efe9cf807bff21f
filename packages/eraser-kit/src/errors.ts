export { PausedError, RetryableError, TerminalError } from '@lethe/service-host'
