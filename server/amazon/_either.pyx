"""Attributes of structs that have two fields, of which a message fills one."""


cdef class Either:
    """Reads the first field or, where that has its default, the second."""

    cdef str first
    cdef str second
    cdef object default

    def __init__(self, str first not None, str second not None, object default):
        self.first, self.second, self.default = first, second, default

    def __get__(self, instance, owner):
        cdef object value = getattr(instance, self.first)
        return getattr(instance, self.second) if value is self.default else value
