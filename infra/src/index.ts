export { type Endpoints, type EraserPorts, endpoints, type PortName } from './endpoints.js'
