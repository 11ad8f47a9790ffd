import { expect, test } from 'vitest'
import { base64Of, errorAt, leftOver, valuesOf } from './form-data'

test('lines are trimmed, and empty ones are none', () => {
  const form = new FormData()
  form.set('args', ' -y \n\n@scope/server\n . ')
  expect(valuesOf(form).lines('args')).toEqual(['-y', '@scope/server', '.'])
})

test('an empty number is none, and zero is one', () => {
  const form = new FormData()
  form.set('empty', ' ')
  form.set('zero', '0')
  expect(valuesOf(form).number('empty')).toBeNull()
  expect(valuesOf(form).number('zero')).toBe(0)
  expect(valuesOf(form).number('absent')).toBeNull()
})

test('what is wrong inside of a field is told at the field', () => {
  expect(errorAt({ 'env/TOKEN': 'is too long' }, 'env')).toBe('TOKEN: is too long')
  expect(errorAt({ environment: 'is unknown' }, 'env')).toBeUndefined()
})

test('what is wrong with no field that is shown is left over', () => {
  expect(leftOver({ name: 'is taken', 'scope/x': 'is wrong' }, ['name'])).toEqual(['scope/x: is wrong'])
})

test('bytes become base64', async () => {
  expect(await base64Of(new File([new Uint8Array([0, 255, 16])], 'x.zip'))).toBe('AP8Q')
})
