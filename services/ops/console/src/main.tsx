import './styles.css'
import { createRoot } from 'react-dom/client'
import { App } from './app.js'

const place = document.getElementById('console')
if (place === null) throw new Error('The page has no place for the console.')
createRoot(place).render(<App />)
