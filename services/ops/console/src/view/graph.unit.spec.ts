import { describe, expect, it } from 'vitest'
import { directly, graphOf, NODE, shortened } from './graph.js'

const step = (stepId: string, stage: number, ...after: string[]) => ({
  stepId,
  systemId: stepId.split('#')[0] ?? '',
  stage,
  after,
})
const shop = [
  step('cache#1', 1),
  step('search#1', 2, 'cache#1'),
  step('pg#1', 6, 'cache#1', 'search#1'),
  step('cache#2', 7, 'cache#1', 'search#1', 'pg#1'),
  step('search#2', 7, 'cache#1', 'search#1', 'pg#1'),
]

describe('the graph of a data map', () => {
  it('draws only what a step waits for directly', () => {
    expect(Object.fromEntries(directly(shop))).toEqual({
      'cache#1': [],
      'search#1': ['cache#1'],
      'pg#1': ['search#1'],
      'cache#2': ['pg#1'],
      'search#2': ['pg#1'],
    })
    expect(graphOf(shop).edges.map(({ from, to }) => `${from}>${to}`)).toEqual([
      'cache#1>search#1',
      'search#1>pg#1',
      'pg#1>cache#2',
      'pg#1>search#2',
    ])
  })

  it('has a place of its own for every step, stages from left to right, all within its size', () => {
    const { nodes, width, height, columns } = graphOf(shop)
    expect(new Set(nodes.map(({ x, y }) => `${x} ${y}`)).size).toBe(shop.length)
    expect(columns.map(({ stage }) => stage)).toEqual([1, 2, 6, 7])
    for (const { x, y } of nodes) {
      expect(x + NODE.width).toBeLessThanOrEqual(width)
      expect(y + NODE.height).toBeLessThanOrEqual(height)
    }
  })

  it('is not followed for ever where steps wait for each other, nor to a step that is not there', () => {
    const circle = [step('a#1', 1, 'b#1'), step('b#1', 1, 'a#1', 'gone#1')]
    expect(graphOf(circle).nodes).toHaveLength(2)
    expect(graphOf(circle).edges.map(({ from }) => from)).not.toContain('gone#1')
    expect(graphOf([]).nodes).toEqual([])
  })

  it('cuts names that are too long', () => {
    expect(shortened('a-name-that-is-much-too-long')).toBe('a-name-that-is-mu…')
    expect(shortened('short')).toBe('short')
  })
})
