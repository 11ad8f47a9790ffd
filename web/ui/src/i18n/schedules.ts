import { area } from '.'
import { schedules as en } from './en/schedules'
import { schedules as zh } from './zh-CN/schedules'

export const schedules = area(en, zh)
