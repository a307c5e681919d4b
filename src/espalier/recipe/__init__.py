"""Whole recipes: from trees to an assistant, step by step, and a report on what each step brought."""
