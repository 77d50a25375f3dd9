-- What the shop's own program does all day: new orders, and orders that move on, in small transactions until it is stopped.
do $$ begin
  loop
    insert into orders select max(id) + 1, (max(id) * 7919) % 20000 + 1, 'open', clock_timestamp(), null from orders;
    update orders set status = 'paid' where id = (select max(id) - 3 from orders);
    commit;
    perform pg_sleep(0.2);
  end loop;
end $$;
