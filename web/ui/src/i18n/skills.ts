import { area } from '.'
import { skills as en } from './en/skills'
import { skills as zh } from './zh-CN/skills'

export const skills = area(en, zh)
