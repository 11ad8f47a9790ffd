import { area } from '.'
import { events as en } from './en/events'
import { events as zh } from './zh-CN/events'

export const events = area(en, zh)
