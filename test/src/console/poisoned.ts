import { MessageProducer } from '@lethe/messaging'
import { expect, it } from 'vitest'
import { seriousFindings } from '../browser/axe.js'
import { signIn, visit } from '../browser/chromium.js'
import { HOSTILE } from '../browser/hostile-parts.js'
import { type Stage, WHY } from './stage.js'

export function poisoned(stage: () => Stage): void {
  it('finds a poisoned message, shows what may be shown of it, and redrives it by keyboard', async () => {
    const { chain, browser, url, page, token } = stage()
    const kafka = {
      brokers: chain.context.at.brokers,
      clientId: 'lethe-test',
      topicPrefix: chain.topicPrefix,
    }
    const producer = new MessageProducer({ kafka })
    await producer.sendRaw([
      {
        topic: 'erasure.requested',
        key: 'poison',
        value: Buffer.from(`${WHY} ${HOSTILE}`),
        headers: { systems: ',cache,', note: HOSTILE },
      },
    ])
    await producer.disconnect()
    const operator = await visit(browser)
    await signIn(operator.page, url, token('operator'))
    const trouble = operator.page.locator('[data-trouble="dead-letters"]')
    await trouble.waitFor({ timeout: 60_000 })
    await operator.page.goto(`${url}/dead-letters?group=eraser.cache`)
    const letter = operator.page.locator('tr[data-letter]')
    await letter.getByText('undecodable').waitFor()
    const dialog = operator.page.getByRole('dialog')
    await letter.getByRole('button', { name: 'Look …' }).press('Enter')
    await dialog.getByText('could not be decoded').waitFor()
    expect(await dialog.textContent()).toContain('dlq-code: undecodable')
    expect(await seriousFindings(operator.page), 'the look').toEqual([])
    expect(await operator.page.content()).not.toContain(WHY)
    await operator.page.keyboard.press('Escape')

    const before = await letter.getAttribute('data-letter')
    await letter.getByRole('button', { name: 'Redrive …' }).press('Enter')
    await dialog.getByText('1 message would be sent again to eraser.cache').waitFor()
    expect(await seriousFindings(operator.page), 'the redrive').toEqual([])
    await dialog.getByRole('button', { name: 'Redrive', exact: true }).press('Enter')
    await dialog.getByText('1 message sent again').waitFor()
    await operator.page.keyboard.press('Escape')
    // Its cause is still there, so it comes back with its count.
    await operator.page.locator('tr[data-redrives="1"]').waitFor({ timeout: 60_000 })
    expect(await letter.count()).toBe(1)
    expect(await letter.getAttribute('data-letter')).not.toBe(before)
    // And again, until it is left alone by all but its name.
    for (const redrives of [2, 3]) {
      await letter.getByRole('button', { name: 'Redrive …' }).press('Enter')
      await dialog.getByText('1 message would be sent again').waitFor()
      await dialog.getByRole('button', { name: 'Redrive', exact: true }).press('Enter')
      await dialog.getByText('1 message sent again').waitFor()
      await operator.page.keyboard.press('Escape')
      await operator.page.locator(`tr[data-redrives="${redrives}"]`).waitFor({ timeout: 60_000 })
    }
    await operator.page.getByRole('button', { name: 'Redrive all of eraser.cache …' }).press('Enter')
    await dialog.getByText('1 failed again after three redrives and stay where they are').waitFor()
    expect(await dialog.getByRole('button', { name: 'Redrive', exact: true }).isDisabled()).toBe(true)
    await operator.page.keyboard.press('Escape')
    await page.goto(`${url}/dead-letters`)
    await page.getByText('for operators').first().waitFor()
    await operator.context.close()
  })
}
