import { area } from '.'
import { session as en } from './en/session'
import { session as zh } from './zh-CN/session'

export const session = area(en, zh)
